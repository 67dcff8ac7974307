using RateWall.Detection;

namespace RateWall.Storage;

/// <summary>How far a ban has come.</summary>
public enum BanState : byte
{
    /// <summary>Decided and written down; the kernel may not have it yet. The next run settles it.</summary>
    Pending = 0,

    /// <summary>In the kernel until its deadline, or history once that is past.</summary>
    Active = 1,

    /// <summary>Taken back by the operator before its deadline.</summary>
    Removed = 2,
}

/// <summary>One ban of the history.</summary>
/// <param name="Id">The row's number; 0 before it is written.</param>
/// <param name="Target">Who is banned.</param>
/// <param name="Scope">What is closed to it: "all" is every port, otherwise a service's name: its ports.</param>
/// <param name="Service">The service it offended, or null for a ban by hand.</param>
/// <param name="Detection">The detection that fired, or <see cref="ByHand"/>.</param>
/// <param name="At">When the attempt crossed the threshold, or when the operator asked.</param>
/// <param name="Until">The absolute deadline.</param>
/// <param name="Reason">For people: "6 failures at ssh in 10m".</param>
/// <param name="Count">Tries that led to it; 0 for a ban by hand.</param>
/// <param name="Evidence">The time of the oldest try that counted; lines between it and <paramref name="At"/> are its evidence.</param>
/// <param name="State">How far it has come.</param>
public sealed record StoredBan(
    long Id, AddressPrefix Target, string Scope, string? Service, string Detection, DateTimeOffset At, DateTimeOffset Until,
    string Reason, int Count, DateTimeOffset Evidence, BanState State)
{
    /// <summary>The detection's name of a ban that the operator asked for.</summary>
    public const string ByHand = "manual";

    /// <summary>The scope that closes every port.</summary>
    public const string AllPorts = "all";

    /// <summary>True while it should be in force.</summary>
    public bool IsInForce(DateTimeOffset now) => State != BanState.Removed && Until > now;

    /// <summary>True when this is the ban of the same offence, whichever run read it.</summary>
    public bool IsSameOffence(StoredBan other) =>
        Target == other.Target && Scope == other.Scope && Detection == other.Detection && At == other.At;
}
