namespace RateWall.Systemd;

/// <summary>libsystemd refused, or is not there. The text is for an operator.</summary>
public sealed class SystemdException(string operation, int errno, string detail) : Exception($"{operation}: {detail}")
{
    /// <summary>The positive errno, or 0.</summary>
    public int Errno { get; } = errno;

    /// <summary>The error's D-Bus name ("org.freedesktop.systemd1.NoSuchUnit"), or null when it is none of D-Bus.</summary>
    public string? BusError { get; init; }

    /// <summary>
    /// True when nobody is at the other end any more, of the connection or behind the bus (PID 1 that executes itself anew): a
    /// new connection may help, and whether what was asked was done is not known.
    /// </summary>
    public bool IsConnectionLost => BusError switch
    {
        "org.freedesktop.DBus.Error.NoReply" or "org.freedesktop.DBus.Error.Disconnected" or "org.freedesktop.DBus.Error.ServiceUnknown"
            or "org.freedesktop.DBus.Error.NameHasNoOwner" or "org.freedesktop.DBus.Error.Timeout" => true,
        // libsystemd's own name for an errno of this side.
        _ when BusError is null || BusError.StartsWith("System.Error.", StringComparison.Ordinal) => Errno is LibSystemd.ENOENT or LibSystemd.EPIPE or LibSystemd.ECONNRESET
            or LibSystemd.ENOTCONN or LibSystemd.ESHUTDOWN or LibSystemd.ETIMEDOUT or LibSystemd.ECONNREFUSED,
        _ => false,
    };
}
