namespace RateWall.Storage;

/// <summary>The state could not be read or written; the text is for an operator.</summary>
public class StateException : IOException
{
    /// <param name="message">What could not be done, and why.</param>
    /// <param name="inner">What SQLite said, or null.</param>
    public StateException(string message, Exception? inner = null)
        : base(message, inner)
    {
    }
}

/// <summary>The state file is there and is not what RateWall wrote.</summary>
public sealed class DamagedStateException(string message, Exception? inner = null) : StateException(message, inner);

/// <summary>A log cannot be a log: a directory, a device, a FIFO.</summary>
public sealed class LogSourceException(string message) : IOException(message);
