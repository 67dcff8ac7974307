using System.Globalization;
using System.Text;
using RateWall.Detection;

namespace RateWall.Wall;

/// <summary>
/// The ssh session this process was started from. sshd sets SSH_CONNECTION (sshd(8)); sudo takes it away from its child,
/// so the environments of the parent processes are asked as well.
/// </summary>
internal static class SshSession
{
    /// <summary>Both ends of the session, as SSH_CONNECTION names them.</summary>
    /// <param name="Client">Where the operator sits.</param>
    /// <param name="ServerPort">The port of this host that the session came in by; 0 when it is not told.</param>
    internal readonly record struct Connection(SourceAddress Client, int ServerPort);

    private const int MaxEnvironment = 128 * 1024;
    private const int MaxAncestors = 64;

    /// <summary>The client's address, or null when no ssh session is found.</summary>
    public static SourceAddress? FindClient() => Find()?.Client;

    /// <summary>The session, or null when none is found.</summary>
    public static Connection? Find()
    {
        if (ConnectionOf(Environment.GetEnvironmentVariable("SSH_CONNECTION")) is { } own) return own;
        int process = Environment.ProcessId;
        for (int i = 0; i < MaxAncestors && process > 1; i++)
        {
            if (ReadBounded($"/proc/{process}/environ") is { } environment && ConnectionOf(Variable(environment, "SSH_CONNECTION")) is { } found)
                return found;
            process = ReadBounded($"/proc/{process}/stat") is { } stat ? ParentOf(stat) : 0;
        }

        return null;
    }

    /// <summary>"client port server port".</summary>
    internal static Connection? ConnectionOf(string? connection)
    {
        string[] words = connection?.Split(' ') ?? [];
        if (words.Length == 0 || !SourceAddress.TryParse(words[0], out SourceAddress client)) return null;
        bool told = ushort.TryParse(words.ElementAtOrDefault(3), NumberStyles.None, CultureInfo.InvariantCulture, out ushort port);
        return new(client, told ? port : 0);
    }

    /// <summary>The parent's id from /proc/PID/stat; the name before it may hold any byte, also spaces and brackets (proc(5)).</summary>
    internal static int ParentOf(string stat)
    {
        string[] fields = stat[(stat.LastIndexOf(')') + 1)..].Split(' ', StringSplitOptions.RemoveEmptyEntries);
        return fields.Length > 1 && int.TryParse(fields[1], NumberStyles.None, CultureInfo.InvariantCulture, out int parent) ? parent : 0;
    }

    internal static string? Variable(string environment, string name) =>
        environment.Split('\0').FirstOrDefault(v => v.StartsWith(name + "=", StringComparison.Ordinal))?[(name.Length + 1)..];

    private static string? ReadBounded(string path)
    {
        try
        {
            using FileStream file = File.OpenRead(path);
            byte[] bytes = new byte[MaxEnvironment];
            int length = file.ReadAtLeast(bytes, bytes.Length, throwOnEndOfStream: false);
            return Encoding.UTF8.GetString(bytes, 0, length);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // The process ended, or belongs to somebody else: then it tells us nothing.
            return null;
        }
    }
}
