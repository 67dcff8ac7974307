namespace RateWall.Systemd;

/// <summary>libsystemd refused, or is not there. The text is for an operator.</summary>
public sealed class SystemdException(string operation, int errno, string detail) : Exception($"{operation}: {detail}")
{
    /// <summary>The positive errno, or 0.</summary>
    public int Errno { get; } = errno;

    /// <summary>The error's D-Bus name ("org.freedesktop.systemd1.NoSuchUnit"), or null when it is none of D-Bus.</summary>
    public string? BusError { get; init; }
}
