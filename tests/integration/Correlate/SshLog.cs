using System.Globalization;

namespace RateWall.IntegrationTests.Correlate;

/// <summary>Lines as sshd writes them through rsyslog with ISO stamps.</summary>
internal sealed class SshLog(DateTimeOffset start)
{
    private readonly List<string> lines = [];
    private int process = 1000;

    public DateTimeOffset Start { get; } = DateTimeOffset.FromUnixTimeSeconds(start.ToUnixTimeSeconds());

    public string Text => string.Concat(lines.Select(l => l + '\n'));

    public SshLog Failures(string source, int count, int fromSecond, int everySeconds = 1)
    {
        for (int i = 0; i < count; i++) Write(fromSecond + i * everySeconds, $"Failed password for root from {source} port {40000 + i} ssh2");
        return this;
    }

    public SshLog Success(string source, int second)
    {
        Write(second, $"Accepted password for alice from {source} port 40000 ssh2");
        return this;
    }

    private void Write(int second, string message) => lines.Add(string.Create(
        CultureInfo.InvariantCulture, $"{Start.AddSeconds(second):yyyy-MM-dd'T'HH:mm:ss.ffffff}+00:00 host sshd[{process++}]: {message}"));
}
