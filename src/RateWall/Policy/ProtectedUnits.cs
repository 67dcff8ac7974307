using RateWall.Detection.Logs;

namespace RateWall.Policy;

/// <summary>
/// Units by which ssh, or mail on port 25, comes in. Without the one nobody can mend anything, and without the other mail of
/// others bounces in the end: they are stopped only where policy says so in as many words.
/// </summary>
internal sealed class ProtectedUnits
{
    private const int SmtpPort = 25;
    private readonly ServicePolicy[] protectedServices;
    private readonly Dictionary<string, ServicePolicy> units = new(StringComparer.Ordinal);

    public ProtectedUnits(IReadOnlyList<ServicePolicy> services)
    {
        protectedServices = [.. services.Where(s => s.Family == "ssh" || s.Ports.Contains(SmtpPort))];
        foreach (ServicePolicy service in protectedServices)
        {
            foreach (string unit in service.Units.Concat(RuleSet.BuiltIn.Files.Where(f => f.Services.Contains(service.Name, StringComparer.Ordinal)).SelectMany(f => f.Units)))
                units.TryAdd(TemplateOf(unit), service);
        }
    }

    /// <summary>Why an entry's unit is one of them, as half a sentence; null: it is not.</summary>
    public string? Why(UnitPolicy unit)
    {
        ServicePolicy? service = Array.Find(protectedServices, s => unit.Services.Contains(s.Name, StringComparer.Ordinal));
        return service is null ? Why(unit.Unit) : Sentence(unit.Unit, service);
    }

    /// <inheritdoc cref="Why(UnitPolicy)"/>
    public string? Why(string unit) => units.TryGetValue(TemplateOf(unit), out ServicePolicy? service) ? Sentence(unit, service) : null;

    private static string Sentence(string unit, ServicePolicy service) => service.Family == "ssh"
        ? $"{unit} answers {service.Name}, by which you would mend it"
        : $"{unit} answers {service.Name} on port {SmtpPort}, where mail of others comes in";

    // systemd.unit(5): what stands between "@" and the last dot is the instance.
    private static string TemplateOf(string unit)
    {
        int at = unit.IndexOf('@', StringComparison.Ordinal), dot = unit.LastIndexOf('.');
        return at < 0 || dot < at ? unit : string.Concat(unit.AsSpan(0, at + 1), unit.AsSpan(dot));
    }
}
