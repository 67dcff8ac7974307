using System.Globalization;
using RateWall.Netfilter;

namespace RateWall.Wall;

/// <summary>
/// The kernel's ruleset at the moment when all of the wall was looked at and found sound. A generation alone would not do:
/// it begins anew with each boot, and each network namespace has its own; and before Linux 6.16 the hook into an interface goes
/// with it, without a commit.
/// </summary>
/// <param name="Boot">The boot (/proc/sys/kernel/random/boot_id, random(4)).</param>
/// <param name="NetworkNamespace">The namespace, as /proc/self/ns/net names it (namespaces(7)).</param>
/// <param name="Generation">The ruleset's generation.</param>
/// <param name="Interfaces">The interfaces it hooks into, each with its number: "eth0=2 eth1=3".</param>
internal sealed record SoundRuleset(string Boot, string NetworkNamespace, uint Generation, string Interfaces)
{
    private const string FileName = "wall.sound";

    /// <summary>This boot and namespace with a generation, and the interfaces of these names as they are now.</summary>
    public static SoundRuleset Of(uint generation, params IEnumerable<string> interfaces) => new(
        File.ReadAllText("/proc/sys/kernel/random/boot_id").Trim(),
        new FileInfo("/proc/self/ns/net").LinkTarget ?? "",
        generation,
        string.Join(' ', interfaces.Select(i => string.Create(CultureInfo.InvariantCulture, $"{i}={NetworkDevice.IndexOf(i)}"))));

    /// <summary>The interfaces' names.</summary>
    public IEnumerable<string> InterfaceNames => Interfaces.Split(' ', StringSplitOptions.RemoveEmptyEntries).Select(i => i[..Math.Max(0, i.LastIndexOf('='))]);

    /// <summary>What was recorded, or null: then it has to be looked at.</summary>
    public static SoundRuleset? Read(string stateDirectory)
    {
        string path = Path.Combine(stateDirectory, FileName);
        if (!File.Exists(path)) return null;
        string[] fields = File.ReadAllText(path).Split(' ', 4);
        return fields.Length == 4 && uint.TryParse(fields[2], NumberStyles.None, CultureInfo.InvariantCulture, out uint generation)
            ? new(fields[0], fields[1], generation, fields[3])
            : null;
    }

    /// <summary>Records it. Torn by a crash it names another ruleset or none, and the next run looks again.</summary>
    public void Write(string stateDirectory) => File.WriteAllText(
        Path.Combine(stateDirectory, FileName), string.Create(CultureInfo.InvariantCulture, $"{Boot} {NetworkNamespace} {Generation} {Interfaces}"));
}
