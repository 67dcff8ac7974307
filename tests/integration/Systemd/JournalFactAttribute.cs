namespace RateWall.IntegrationTests.Systemd;

/// <summary>A test that makes real journal files; skipped where systemd-journal-remote is not installed.</summary>
[AttributeUsage(AttributeTargets.Method)]
internal sealed class JournalFactAttribute : FactAttribute
{
    public JournalFactAttribute() => Skip = File.Exists(JournalExport.Program) ? null : "needs the package systemd-journal-remote";
}
