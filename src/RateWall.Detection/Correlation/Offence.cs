namespace RateWall.Detection.Correlation;

/// <summary>Names a sliding window: which detection, of which service, of whom.</summary>
public readonly record struct WindowId(string Detection, string Service, AddressPrefix Key);

/// <summary>A detection that fired. The same log gives the same offences, whatever run reads it.</summary>
/// <param name="Detection">The detection's name: "failures" or "probes".</param>
/// <param name="Service">The service it was seen at.</param>
/// <param name="Key">Whom it is about.</param>
/// <param name="At">The time of the attempt that crossed the threshold; a ban's deadline counts from here.</param>
/// <param name="Count">Tries inside the window, the crossing one included.</param>
/// <param name="Since">The time of the oldest try that still counted.</param>
/// <param name="Within">The window's length.</param>
public sealed record Offence(
    string Detection, string Service, AddressPrefix Key, DateTimeOffset At, int Count, DateTimeOffset Since, TimeSpan Within);
