namespace RateWall.Detection;

/// <summary>What one login try was.</summary>
public enum AttemptKind : byte
{
    /// <summary>No try: the line says nothing of one.</summary>
    None = 0,

    /// <summary>Credentials were offered and refused.</summary>
    Failure = 1,

    /// <summary>The named user does not exist or may not log in.</summary>
    Invalid = 2,

    /// <summary>A client connected and went away without authenticating.</summary>
    Probe = 3,

    /// <summary>The daemon says that a limit of its own was hit.</summary>
    Limit = 4,

    /// <summary>The login succeeded.</summary>
    Success = 5,
}
