namespace RateWall.Systemd;

/// <summary>libsystemd refused, or is not there. The text is for an operator.</summary>
public sealed class SystemdException(string operation, int errno, string detail) : Exception($"{operation}: {detail}")
{
    /// <summary>The positive errno, or 0.</summary>
    public int Errno { get; } = errno;
}
