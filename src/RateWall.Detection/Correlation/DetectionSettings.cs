namespace RateWall.Detection.Correlation;

/// <summary>A threshold: this many within this time.</summary>
/// <param name="Count">Tries, 1 to 10000; the try that reaches it fires.</param>
/// <param name="Within">The sliding window's length.</param>
public sealed record Threshold(int Count, TimeSpan Within);

/// <summary>What is detected at one service.</summary>
/// <param name="Service">The service's name in rule files and policy.</param>
/// <param name="Family">The services that share trust: "ssh", "mail", "ftp" or "web".</param>
/// <param name="Failures">Failed and invalid tries of one source, or null when switched off.</param>
/// <param name="Probes">Probes of one source, or null when switched off; a trusted source is never counted.</param>
/// <param name="TrustedFactor">What a trusted source's failure threshold is multiplied by, at least 1.</param>
public sealed record ServiceDetection(
    string Service, string Family, Threshold? Failures, Threshold? Probes, int TrustedFactor = 10);
