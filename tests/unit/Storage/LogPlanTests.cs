using RateWall.Policy;
using RateWall.Storage;

namespace RateWall.UnitTests.Storage;

public sealed class LogPlanTests
{
    [Fact]
    public void Plan_OfAProgramWithItsOwnFile_CountsItThereOnly()
    {
        const string Text = "services: { ssh: { log: { file: /var/log/all.log, program: sshd } }, ftp: { log: [{ file: /var/log/all.log }, { file: /var/log/vsftpd.log, program: vsftpd }] } }";
        EffectivePolicy policy = PolicyReader.Parse([new PolicyFile("p.yaml", System.Text.Encoding.UTF8.GetBytes(Text))], new LogFacts(HasJournal: true, _ => true));
        IReadOnlyList<PlannedLog> plan = LogPlan.For(policy);
        PlannedLog all = plan.Single(l => l.File == "/var/log/all.log"), own = plan.Single(l => l.File == "/var/log/vsftpd.log");
        Assert.Equal(["ftp", "ssh"], all.ServiceNames.Order(StringComparer.Ordinal), StringComparer.Ordinal);
        Assert.Equal("sshd", all.Program);
        Assert.Equal([new("ftp", "vsftpd")], all.Elsewhere);
        Assert.Equal(["ftp"], own.ServiceNames, StringComparer.Ordinal);
        Assert.Equal("vsftpd", own.Program);
        Assert.Empty(own.Elsewhere);
        Assert.Empty(plan.Single(l => l.File is null).Elsewhere);
    }
}
