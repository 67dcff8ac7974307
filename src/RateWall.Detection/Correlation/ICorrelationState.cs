namespace RateWall.Detection.Correlation;

/// <summary>What the correlator must be told about the past. Implemented by the storage, and in memory for replays.</summary>
public interface ICorrelationState
{
    /// <summary>The marks of a window as the last run left it, in the order in which they were given; empty when unknown.</summary>
    IReadOnlyList<WindowMark> LoadWindow(in WindowId window);

    /// <summary>When the key last logged in successfully at a service of this family, in ms since 1970; null: never.</summary>
    long? LastSuccess(AddressPrefix key, string family);

    /// <summary>When this user last logged in from the key at a service of this family, in ms since 1970; null: never.</summary>
    long? LastLogin(AddressPrefix key, string family, ulong user);

    /// <summary>When any key inside the network last logged in, at whatever service, in ms since 1970; null: never.</summary>
    long? LastSuccessInside(AddressPrefix network);
}

/// <summary>Names a window: which detection, of which service, of whom.</summary>
/// <param name="Detection">What is counted.</param>
/// <param name="Service">Where.</param>
/// <param name="Key">A source, or a network of sources; the default for an account or the service as a whole.</param>
/// <param name="Account">The hash of an account's name (<see cref="UserNames"/>), or 0.</param>
public readonly record struct WindowId(string Detection, string Service, AddressPrefix Key, ulong Account = 0)
{
    /// <summary>The window of a source's failed and invalid tries, on which several detections look.</summary>
    public const string Tries = "tries";

    /// <summary>Whom it is about, as text without spaces: "192.0.2.1", "account.00c0ffee00c0ffee", "service".</summary>
    public string Subject => (Account, Key.Length) switch
    {
        ( > 0, _) => $"account.{Account:x16}",
        (_, 0) => "service",
        _ => Key.ToString(),
    };
}

/// <summary>One thing a window holds: when, and who or what.</summary>
/// <param name="UnixMilliseconds">When, in milliseconds since 1970.</param>
/// <param name="High">The first half of an address, or 0.</param>
/// <param name="Low">The second half of an address, or a hash of a user's name.</param>
public readonly record struct WindowMark(long UnixMilliseconds, ulong High, ulong Low)
{
    /// <summary>The address, where the window holds addresses.</summary>
    public SourceAddress Address => new(High, Low);
}

/// <summary>A window that changed: what the storage writes. No marks: the row goes.</summary>
public sealed record WindowState(WindowId Window, IReadOnlyList<WindowMark> Marks)
{
    /// <summary>True when the marks are sources, which may be pardoned one by one.</summary>
    public bool HoldsSources => Window.Detection is DetectionName.Prefix or DetectionName.Account or DetectionName.Pressure;
}

/// <summary>A success that was seen.</summary>
public readonly record struct SuccessSeen(AddressPrefix Key, string Family, long UnixMilliseconds);

/// <summary>A user who logged in: the latest time it was seen.</summary>
/// <param name="Key">From where.</param>
/// <param name="Family">At services of which family.</param>
/// <param name="User">The hash of the name (<see cref="UserNames"/>).</param>
/// <param name="UnixMilliseconds">When, in milliseconds since 1970.</param>
public readonly record struct LoginSeen(AddressPrefix Key, string Family, ulong User, long UnixMilliseconds);
