using System.Globalization;
using RateWall.IntegrationTests.Machine;

namespace RateWall.IntegrationTests.Containers;

/// <summary>A running container; disposing ends and removes it.</summary>
public sealed class Container(ContainerEngine engine, ContainerNetwork network, string name, string address) : IDisposable
{
    public string Name { get; } = name;

    /// <summary>Where it stands.</summary>
    public ContainerNetwork Network { get; } = network;

    /// <summary>Its address there.</summary>
    public string Address { get; } = address;

    /// <summary>Runs a program in the container.</summary>
    public Answer Exec(params string[] command) => engine.Docker(["exec", Name, .. command]);

    /// <summary>Runs a program in the container that reads what is given.</summary>
    public Answer ExecWithInput(string input, params string[] command) => engine.Docker(["exec", "--interactive", Name, .. command], input, limit: null);

    /// <summary>Starts a program in the container that goes on; it ends with the container.</summary>
    public void Start(params string[] command) => engine.Docker(["exec", "--detach", Name, .. command]).MustSucceed("docker exec --detach");

    /// <summary>Copies a file or directory of the machine into the container.</summary>
    public void CopyIn(string from, string to) => engine.Docker("cp", from, $"{Name}:{to}").MustSucceed("docker cp");

    /// <summary>Copies a file or directory of the container to the machine.</summary>
    public void CopyOut(string from, string to) => engine.Docker("cp", $"{Name}:{from}", to).MustSucceed("docker cp");

    /// <summary>Writes a text file in the container.</summary>
    public void Write(string path, string text) =>
        engine.Docker(["exec", "--interactive", Name, "tee", path], text, limit: null).MustSucceed($"writing {path}");

    /// <summary>Its PID 1 as this machine numbers it; only of a container that runs, and another one after a restart.</summary>
    public string ProcessId => engine.Docker("inspect", "--format", "{{.State.Pid}}", Name).MustSucceed("docker inspect").Out.Trim();

    /// <summary>A path that leads the tests to a file or socket of the container, as it is mounted there.</summary>
    public string PathFromHere(string path) => $"/proc/{ProcessId}/root{path}";

    /// <summary>What PID 1 wrote.</summary>
    public string Logs()
    {
        Answer answer = engine.Docker("logs", Name);
        return answer.Out + answer.Error;
    }

    /// <summary>The newest lines of its journal, for a test that failed.</summary>
    public string Journal() => Exec("journalctl", "-b", "--no-pager", "-n", "60").Out;

    /// <summary>Starts a unit, or fails the test with what the journal says.</summary>
    public void StartUnit(string unit)
    {
        Answer answer = Exec("systemctl", "start", unit);
        Assert.True(answer.ExitCode == 0, $"systemctl start {unit}: {answer.Error}\n{Journal()}");
    }

    /// <summary>True when a TCP connection to another machine opens in time; where one shall, there is no hurry.</summary>
    public bool CanConnect(string to, int port, int seconds = 2) =>
        Exec("timeout", seconds.ToString(CultureInfo.InvariantCulture), "bash", "-c", string.Create(CultureInfo.InvariantCulture, $"exec 3<>/dev/tcp/{to}/{port}")).ExitCode == 0;

    /// <summary>Opens a TCP connection to another machine that stays, without a word; it ends with the container.</summary>
    public void HoldConnection(string to, int port) =>
        Start("bash", "-c", string.Create(CultureInfo.InvariantCulture, $"exec 3<>/dev/tcp/{to}/{port}; exec sleep infinity"));

    /// <summary>One real ssh login with a wrong password.</summary>
    public Answer FailLogin(string to, string user) => Exec(
        "sshpass", "-p", "wrong", "ssh", "-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null", "-o", "LogLevel=ERROR",
        "-o", "PreferredAuthentications=password", "-o", "NumberOfPasswordPrompts=1", "-o", "ConnectTimeout=15", $"{user}@{to}", "true");

    public void Dispose() => engine.Docker("rm", "--force", "--volumes", Name);
}
