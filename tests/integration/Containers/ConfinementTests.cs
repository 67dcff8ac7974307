using RateWall.IntegrationTests.Machine;

namespace RateWall.IntegrationTests.Containers;

/// <summary>The units' confinement, under a real systemd, leaves what the program needs and takes the rest.</summary>
[Collection(ContainerCollection.Name)]
public sealed class ConfinementTests(ContainerEngine engine)
{
    private const string Needs = """
        set -eu
        /usr/bin/ratewall version
        /usr/sbin/nft add table inet probe
        # The watch reads no logs.
        if [ "$1" = ratewall-watch.service ]; then
            if grep -q secret /var/log/foreign.log 2>/dev/null; then echo 'CAP_DAC_READ_SEARCH is there'; exit 1; fi
        else
            grep -q secret /var/log/foreign.log
        fi
        touch /var/lib/ratewall/state /run/ratewall/lock
        [ "$1" = ratewall-watch.service ] || ls /var/log/journal/*/*.journal
        # The wall's unit has no mount namespace: it starts too early in the boot to depend on one.
        if [ "$1" != ratewall.service ] && touch /etc/forbidden 2>/dev/null; then echo '/etc can be written'; exit 1; fi
        if chown 1000 /var/lib/ratewall/state 2>/dev/null; then echo 'CAP_CHOWN is there'; exit 1; fi
        if mount -t tmpfs tmpfs /mnt 2>/dev/null; then echo 'mount is allowed'; exit 1; fi
        echo "met by $1"
        """;

    [ContainerFact]
    public void Units_RunningTheProgram_LetItDoItsWorkAndNoMore()
    {
        using ContainerNetwork network = engine.CreateNetwork();
        using Container host = engine.BootHost(network, 2);
        host.Write("/usr/local/bin/needs", Needs);
        host.Write("/var/log/foreign.log", "secret\n");
        host.Exec("chmod", "0600", "/var/log/foreign.log").MustSucceed("chmod");
        host.Exec("chown", "sshd:nogroup", "/var/log/foreign.log").MustSucceed("chown");
        foreach (string unit in new[] { "ratewall.service", "ratewall-correlate.service", "ratewall-follow.service", "ratewall-watch.service" })
        {
            host.Exec("mkdir", "-p", $"/run/systemd/system/{unit}.d").MustSucceed("mkdir");
            host.Write($"/run/systemd/system/{unit}.d/probe.conf", $"[Service]\nType=oneshot\nRestart=no\nExecStart=\nExecStart=/bin/sh /usr/local/bin/needs {unit}\n");
        }

        host.Exec("systemctl", "daemon-reload").MustSucceed("systemctl daemon-reload");
        foreach (string unit in new[] { "ratewall.service", "ratewall-correlate.service", "ratewall-follow.service", "ratewall-watch.service" })
        {
            host.StartUnit(unit);
            host.Exec("rm", "/var/lib/ratewall/state", "/run/ratewall/lock").MustSucceed("the shared directories");
        }

        host.Exec("journalctl", "--sync").MustSucceed("journalctl --sync");
        string said = host.Exec("journalctl", "--no-pager", "-o", "cat", "-u", "ratewall-correlate.service").Out;
        Assert.Contains("met by ratewall-correlate.service", said, StringComparison.Ordinal);

        // Four runs a minute must not fill the journal with their beginnings and ends.
        Assert.DoesNotContain("log lines to bans, one run", said, StringComparison.Ordinal);
    }
}
