using RateWall.IntegrationTests.Machine;

namespace RateWall.IntegrationTests.Containers;

/// <summary>
/// A test that needs a container engine and the program as ./build.sh leaves it. Where an engine neither answers nor can be
/// started the test is skipped at discovery with the reason.
/// </summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class ContainerFactAttribute : FactAttribute
{
    private static readonly Lazy<string?> Missing = new(FindMissing);

    /// <param name="programs">What it needs of the machine besides.</param>
    public ContainerFactAttribute(params string[] programs) => Skip = Missing.Value ?? LinuxFactAttribute.Absent(programs);

    private static string? FindMissing()
    {
        if (!File.Exists(Checkout.Path("artifacts", "ratewall", "ratewall"))) return "needs artifacts/ratewall: run ./build.sh";
        if (!Shell.IsInstalled("docker")) return "needs docker";
        if (Shell.Run("docker", "version").ExitCode == 0) return null;
        if (!Environment.IsPrivilegedProcess) return "needs a container engine that answers, or root to start one";
        string[] absent = [.. new[] { "dockerd", "mmdebstrap", "nsenter", "ip" }.Where(p => !Shell.IsInstalled(p))];
        return absent.Length == 0 ? null : $"needs a container engine that answers, or {string.Join(", ", absent)} to start one";
    }
}
