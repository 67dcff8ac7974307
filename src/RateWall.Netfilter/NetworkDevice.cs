namespace RateWall.Netfilter;

/// <summary>Network devices of the current network namespace.</summary>
public static class NetworkDevice
{
    /// <summary>
    /// The number of the device with this name (if_nametoindex(3)), or 0 when there is none. One that goes and comes again under
    /// its name has another number.
    /// </summary>
    public static uint IndexOf(string name) => Libc.if_nametoindex(name);
}
