using System.Globalization;
using System.Runtime.ExceptionServices;
using System.Runtime.InteropServices;

namespace RateWall.IntegrationTests.Machine;

/// <summary>
/// A network namespace of the test's own, with its own nftables: what happens in it never touches the machine's firewall.
/// Disposing removes it.
/// </summary>
public sealed partial class NetworkNamespace : IDisposable
{
    private const int CLONE_NEWNET = 0x40000000; // linux/sched.h
    private const int O_RDONLY = 0; // asm-generic/fcntl.h
    private const int O_CLOEXEC = 0x80000;
    private static int counter;

    public NetworkNamespace()
    {
        Name = string.Create(CultureInfo.InvariantCulture, $"rw{Environment.ProcessId}n{Interlocked.Increment(ref counter)}");
        Shell.Run("ip", "netns", "add", Name).MustSucceed("ip netns add");
        Ip("link", "set", "lo", "up");
    }

    public string Name { get; }

    /// <summary>Runs `ip` in the namespace.</summary>
    public void Ip(params string[] arguments) =>
        Shell.Run("ip", ["-n", Name, .. arguments]).MustSucceed($"ip {string.Join(' ', arguments)}");

    /// <summary>Gives a device that is up one more address, good at once.</summary>
    /// <param name="address">The address and the length of its network: "2001:db8::7/64".</param>
    /// <param name="device">The device.</param>
    public void AddAddress(string address, string device)
    {
        if (!address.Contains(':', StringComparison.Ordinal))
        {
            Ip("addr", "add", address, "dev", device);
            return;
        }

        // Even on lo the kernel looks for duplicates in its own time; and what comes for the address is for this host only after
        // a worker of the kernel has come to say so, which on a busy machine may be long after `ip` has ended.
        Ip("addr", "add", address, "dev", device, "nodad");
        string alone = address[..address.IndexOf('/', StringComparison.Ordinal)];
        Eventually.True($"{alone} is this host's", TimeSpan.FromMinutes(2), () =>
            Shell.Run("ip", "-n", Name, "-6", "route", "show", "table", "local", alone).Out.StartsWith("local ", StringComparison.Ordinal));
    }

    /// <summary>Runs a program in the namespace.</summary>
    public Answer Exec(string program, params string[] arguments) => Exec(program, arguments, null, null);

    public Answer Exec(
        string program, IReadOnlyList<string> arguments, string? input, IReadOnlyDictionary<string, string?>? environment) =>
        Shell.Run("nsenter", [$"--net=/run/netns/{Name}", Shell.FindOnPath(program) ?? program, .. arguments], input, environment);

    /// <summary>Starts a program in the namespace that goes on; nsenter becomes it, so the process is the program's own.</summary>
    public System.Diagnostics.Process Start(string program, IReadOnlyList<string> arguments, IReadOnlyDictionary<string, string?> environment) =>
        Shell.Start("nsenter", [$"--net=/run/netns/{Name}", Shell.FindOnPath(program) ?? program, .. arguments], environment);

    /// <summary>The real nft program, as the second opinion on what is in the kernel.</summary>
    public string Nft(params string[] arguments) => Exec("nft", arguments).MustSucceed($"nft {string.Join(' ', arguments)}").Out;

    /// <summary>Loads a ruleset with the real nft program.</summary>
    public void NftLoad(string ruleset) => Exec("nft", ["-f", "-"], ruleset, null).MustSucceed("nft -f -");

    /// <summary>Runs code on a thread of its own inside the namespace; sockets it opens stay there.</summary>
    public T Run<T>(Func<T> code)
    {
        T result = default!;
        ExceptionDispatchInfo? failure = null;
        var thread = new Thread(() =>
        {
            try
            {
                Enter();
                result = code();
            }
#pragma warning disable CA1031 // The exception is rethrown on the test's own thread.
            catch (Exception e)
#pragma warning restore CA1031
            {
                failure = ExceptionDispatchInfo.Capture(e);
            }
        });
        thread.Start();
        thread.Join();
        failure?.Throw();
        return result;
    }

    public void Run(Action code) => Run(() =>
    {
        code();
        return true;
    });

    /// <summary>Joins two namespaces with a veth pair and gives each end its addresses ("192.0.2.1/24").</summary>
    public static void Join(NetworkNamespace left, string[] leftAddresses, NetworkNamespace right, string[] rightAddresses)
    {
        Shell.Run("ip", "link", "add", "eth0", "netns", left.Name, "type", "veth", "peer", "name", "eth0", "netns", right.Name)
            .MustSucceed("ip link add veth");
        left.Configure(leftAddresses);
        right.Configure(rightAddresses);
    }

    public void Dispose() => Shell.Run("ip", "netns", "del", Name);

    private void Configure(string[] addresses)
    {
        // Nobody else is on this link: without detecting duplicates its link-local address is good at once.
        Run(() => File.WriteAllText("/proc/sys/net/ipv6/conf/eth0/accept_dad", "0"));
        foreach (string address in addresses)
        {
            if (address.Contains(':', StringComparison.Ordinal)) Ip("addr", "add", address, "dev", "eth0", "nodad");
            else Ip("addr", "add", address, "dev", "eth0");
        }

        Ip("link", "set", "eth0", "up");
    }

    private void Enter()
    {
        // FileStream asks a file for its length and position, which a namespace handle does not have.
        int handle = open($"/run/netns/{Name}", O_RDONLY | O_CLOEXEC);
        if (handle < 0) throw new InvalidOperationException($"open /run/netns/{Name}: errno {Marshal.GetLastPInvokeError()}");
        int result = setns(handle, CLONE_NEWNET);
        int errno = Marshal.GetLastPInvokeError();
        _ = close(handle);
        if (result != 0) throw new InvalidOperationException($"setns: errno {errno}");
    }

    [LibraryImport("libc", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int open(string path, int flags);

    [LibraryImport("libc", SetLastError = true)]
    private static partial int setns(int fd, int nstype);

    [LibraryImport("libc")]
    private static partial int close(int fd);
}
