namespace RateWall.IntegrationTests.Machine;

/// <summary>
/// A test that needs the real kernel: root, nft and ip. Where they are missing it is skipped at discovery with the reason;
/// test.sh counts and names every skip, and fails on one where it could have installed what was missing.
/// </summary>
[AttributeUsage(AttributeTargets.Method)]
public class LinuxFactAttribute : FactAttribute
{
    private static readonly Lazy<string?> Missing = new(FindMissing);

    public LinuxFactAttribute(params string[] programs)
    {
        Skip = Missing.Value ?? Absent(programs);
        Timeout = 0;
    }

    private static string? FindMissing()
    {
        if (!Environment.IsPrivilegedProcess) return "needs root: network namespaces and nftables";
        return Absent(["nft", "ip"]);
    }

    internal static string? Absent(IEnumerable<string> programs)
    {
        string[] absent = [.. programs.Where(p => !Shell.IsInstalled(p))];
        return absent.Length == 0 ? null : $"needs {string.Join(", ", absent)}";
    }
}
