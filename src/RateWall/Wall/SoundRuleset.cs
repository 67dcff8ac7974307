using System.Globalization;

namespace RateWall.Wall;

/// <summary>
/// The kernel's ruleset at the moment when all of the wall was looked at and found sound. A generation alone would not do:
/// it begins anew with each boot, and each network namespace has its own.
/// </summary>
/// <param name="Boot">The boot (/proc/sys/kernel/random/boot_id, random(4)).</param>
/// <param name="NetworkNamespace">The namespace, as /proc/self/ns/net names it (namespaces(7)).</param>
/// <param name="Generation">The ruleset's generation.</param>
internal sealed record SoundRuleset(string Boot, string NetworkNamespace, uint Generation)
{
    private const string FileName = "wall.sound";

    /// <summary>This boot and namespace with a generation.</summary>
    public static SoundRuleset Of(uint generation) => new(
        File.ReadAllText("/proc/sys/kernel/random/boot_id").Trim(),
        new FileInfo("/proc/self/ns/net").LinkTarget ?? "",
        generation);

    /// <summary>What was recorded, or null: then it has to be looked at.</summary>
    public static SoundRuleset? Read(string stateDirectory)
    {
        string path = Path.Combine(stateDirectory, FileName);
        if (!File.Exists(path)) return null;
        string[] fields = File.ReadAllText(path).Split(' ');
        return fields.Length == 3 && uint.TryParse(fields[2], NumberStyles.None, CultureInfo.InvariantCulture, out uint generation)
            ? new(fields[0], fields[1], generation)
            : null;
    }

    /// <summary>Records it. Torn by a crash it names another ruleset or none, and the next run looks again.</summary>
    public void Write(string stateDirectory) => File.WriteAllText(
        Path.Combine(stateDirectory, FileName), string.Create(CultureInfo.InvariantCulture, $"{Boot} {NetworkNamespace} {Generation}"));
}
