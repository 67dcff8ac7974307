using System.Text.Json;

namespace RateWall.IntegrationTests.Containers.Stories;

/// <summary>ratewall-watch.service on a host, and what else a story does to units there; disposing undoes it.</summary>
public sealed class WatchUnit(Func<Container> host) : IDisposable
{
    private const string Name = "ratewall-watch.service";
    private const string DropIns = $"/run/systemd/system/{Name}.d";

    private readonly List<string> installed = [];
    private bool begun;

    private Container Host => host();

    /// <summary>Takes over where the last story left.</summary>
    public void Begin() => begun = true;

    /// <summary>Starts it.</summary>
    /// <param name="restarts">False: PID 1 does not start it again when it is killed.</param>
    public void Start(bool restarts = true)
    {
        Host.Exec("mkdir", "-p", DropIns).MustSucceed("mkdir");
        Host.Write($"{DropIns}/story.conf", $"[Service]\nRestart={(restarts ? "always" : "no")}\nRestartSec=100ms\n");
        Host.Exec("systemctl", "daemon-reload").MustSucceed("systemctl daemon-reload");
        Host.Exec("systemctl", "reset-failed", Name);
        Host.StartUnit(Name);
    }

    /// <summary>kill -9.</summary>
    public void Kill() => Host.Exec("systemctl", "kill", "--signal=KILL", Name).MustSucceed("systemctl kill");

    /// <summary>Makes a unit, or a piece of one (unit.d/name.conf), of the story's own.</summary>
    public void Install(string unit, string text)
    {
        installed.Add(unit);
        Host.Exec("mkdir", "-p", Path.GetDirectoryName($"/run/systemd/system/{unit}")!).MustSucceed("mkdir");
        Host.Write($"/run/systemd/system/{unit}", text);
        Host.Exec("systemctl", "daemon-reload").MustSucceed("systemctl daemon-reload");
    }

    /// <summary>A unit's ActiveState, in systemctl's word.</summary>
    public string StateOf(string unit) => Shown(unit, "ActiveState");

    /// <summary>Those of several, with blanks between.</summary>
    public string StatesOf(params string[] units) => string.Join(' ', Host.Exec(["systemctl", "is-active", .. units]).Out.Split('\n', StringSplitOptions.RemoveEmptyEntries));

    /// <summary>PID 1's name for this run of a unit.</summary>
    public string InvocationOf(string unit) => Shown(unit, "InvocationID");

    /// <summary>The active timers that start units again.</summary>
    public IReadOnlyList<string> Timers() =>
    [
        .. Host.Exec("systemctl", "list-units", "--plain", "--no-legend", "--type=timer", "--state=active", "ratewall-*").MustSucceed("systemctl list-units").Out
            .Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(l => l.Split(' ')[0]).Where(t => t != "ratewall-correlate.timer"),
    ];

    /// <summary>What was done to a unit and noticed of it, oldest first.</summary>
    public IReadOnlyList<JsonElement> ActsOn(string unit)
    {
        IEnumerable<JsonElement> acts = Host.Ask("trace", unit).GetProperty("acts").EnumerateArray();
        return [.. acts.Reverse()];
    }

    /// <summary>What it wrote.</summary>
    public IReadOnlyList<string> Journal()
    {
        Host.Exec("journalctl", "--sync").MustSucceed("journalctl --sync");
        return Host.Exec("journalctl", "--no-pager", "--output", "cat", "--unit", Name).MustSucceed("journalctl").Out.Split('\n', StringSplitOptions.RemoveEmptyEntries);
    }

    /// <summary>The state of things, for a test that failed.</summary>
    public string Seen() => $"{Host.Exec("systemctl", "list-units", "--all", "--no-pager", "ratewall*").Out}\n{Host.Exec("journalctl", "--no-pager", "-n", "40", "-u", Name).Out}";

    public void Dispose()
    {
        if (!begun) return;
        Host.Exec("systemctl", "stop", Name);
        foreach (string timer in Timers()) Host.Exec("systemctl", "stop", timer);
        foreach (string unit in installed)
        {
            Host.Exec("systemctl", "stop", unit.Split(".d/")[0]);
            Host.Exec("rm", "-f", $"/run/systemd/system/{unit}");
        }

        Host.Exec("rm", "-rf", DropIns);
        Host.Exec("systemctl", "daemon-reload");
        Host.Exec("systemctl", "reset-failed");
    }

    private string Shown(string unit, string property) => Host.Exec("systemctl", "show", "-P", property, unit).MustSucceed("systemctl show").Out.Trim();
}
