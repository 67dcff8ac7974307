namespace RateWall.Commands;

/// <summary>What every verb answers with.</summary>
public enum ExitCode
{
    /// <summary>Done, or the answer is yes.</summary>
    Done = 0,

    /// <summary>The answer is no: drift, a failed check, nothing found where something was asked for.</summary>
    No = 1,

    /// <summary>Wrong use, or a wrong policy.</summary>
    Usage = 2,

    /// <summary>Not permitted: CAP_NET_ADMIN or access to a file is missing.</summary>
    NotPermitted = 3,

    /// <summary>The system refused: no nftables, a full disk, a kernel error.</summary>
    Refused = 4,
}

/// <summary>Ends a verb with one clear sentence and an exit code.</summary>
public sealed class CommandException(ExitCode code, string message) : Exception(message)
{
    /// <summary>How the program ends.</summary>
    public ExitCode Code { get; } = code;
}
