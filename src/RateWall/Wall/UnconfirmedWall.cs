using System.Globalization;
using System.Runtime.CompilerServices;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization;
using RateWall.Policy;
using RateWall.Storage;

namespace RateWall.Wall;

/// <summary>Who takes an unconfirmed wall back when its time has run out.</summary>
public enum WallKeeper
{
    /// <summary>A transient timer of PID 1.</summary>
    Timer,

    /// <summary>A process with a session of its own.</summary>
    Process,
}

/// <summary>
/// A wall that `apply --confirm` put up and nobody has confirmed; after its time has run out, the same as a warning not to put
/// it up at boot. One file of the state directory, replaced whole; writers hold the wall lock.
/// </summary>
public sealed record UnconfirmedWall
{
    private const string FileName = "unconfirmed.json";

    /// <summary>Names this wait among all others: a keeper that comes late must not take back what a later one waits for.</summary>
    public required string Id { get; init; }

    /// <summary>Who takes the wall back.</summary>
    public required WallKeeper Keeper { get; init; }

    /// <summary>Until when it can be confirmed, for people.</summary>
    public required DateTimeOffset Until { get; init; }

    /// <summary>The same in milliseconds of the clock that starts at boot and that nobody sets.</summary>
    public required long Deadline { get; init; }

    /// <summary>The boot that <see cref="Deadline"/> belongs to; once it is <see cref="TakenBack"/>, the boot that knows of it.</summary>
    public required string Boot { get; init; }

    /// <summary>What the policy came to: <see cref="FingerprintOf"/>.</summary>
    public required string Fingerprint { get; init; }

    /// <summary>The wall before it; null when there was none.</summary>
    public required PriorWall? Prior { get; init; }

    /// <summary>True once its time has run out: the wall before it is back, and this policy must not come up by itself.</summary>
    public bool TakenBack { get; init; }

    /// <summary>What is recorded in a state directory, or null.</summary>
    /// <exception cref="StateException">The record cannot be understood.</exception>
    public static UnconfirmedWall? Read(string stateDirectory)
    {
        string path = Path.Combine(stateDirectory, FileName);
        return File.Exists(path) ? Parse(path) : null;
    }

    // By itself: what reads JSON takes a megabyte, and the record is hardly ever there.
    [MethodImpl(MethodImplOptions.NoInlining)]
    private static UnconfirmedWall? Parse(string path)
    {
        try
        {
            return JsonSerializer.Deserialize(File.ReadAllBytes(path), UnconfirmedWallJson.Default.UnconfirmedWall);
        }
        catch (JsonException e)
        {
            throw new StateException($"{path} cannot be understood ({e.Message}); look at the wall with 'ratewall plan', then delete the file", e);
        }
    }

    /// <summary>Forgets it.</summary>
    public static void Forget(string stateDirectory) => File.Delete(Path.Combine(stateDirectory, FileName));

    /// <summary>Records it, on the disk before this returns.</summary>
    public void Write(string stateDirectory) => StateFile.Replace(
        Path.Combine(stateDirectory, FileName), JsonSerializer.SerializeToUtf8Bytes(this, UnconfirmedWallJson.Default.UnconfirmedWall));

    /// <summary>True when it waits no more although nobody took it back: the time ran out, or the machine was started anew.</summary>
    public bool IsOverdue(TimeProvider time, string boot) => !TakenBack && (Boot != boot || BootClock.Milliseconds(time) > Deadline);

    /// <summary>What a policy comes to in the kernel, in one word.</summary>
    public static string FingerprintOf(EffectivePolicy policy, Ruleset ruleset)
    {
        IEnumerable<string> allow = policy.Allow.Select(p => p.ToString()).Order(StringComparer.Ordinal);
        return Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes($"{ruleset.Text}\n{string.Join('\n', allow)}")));
    }
}

/// <summary>The wall as it stood before another was put in its place.</summary>
/// <param name="Listing">The kernel's listing with counters, without elements.</param>
/// <param name="Drifted">True when it was not as it had been applied.</param>
/// <param name="AppliedText">The ruleset that was recorded as applied; null when nothing was.</param>
/// <param name="AppliedAllow">The allow list that was recorded with it.</param>
/// <param name="AppliedListing">The kernel's listing of it then.</param>
/// <param name="Allow">The networks in its allow sets.</param>
/// <param name="ByHost">The networks in which hosts count one by one.</param>
/// <param name="Dropped">The elements of sets that the next wall has not, or has in another shape. All others live on in the kernel.</param>
public sealed record PriorWall(
    string Listing, bool Drifted, string? AppliedText, IReadOnlyList<string> AppliedAllow, string? AppliedListing, IReadOnlyList<string> Allow, IReadOnlyList<string> ByHost, IReadOnlyList<PriorSet> Dropped);

/// <summary>A set's elements.</summary>
public sealed record PriorSet(string Name, IReadOnlyList<PriorElement> Elements);

/// <summary>An element with its absolute deadline.</summary>
public sealed record PriorElement(byte[] Key, byte[]? LastKey, TimeSpan? Timeout, DateTimeOffset? Until, ulong? Packets, ulong? Bytes);

/// <summary>The clock that starts at boot, and which boot that was.</summary>
public static class BootClock
{
    /// <summary>Milliseconds since the machine was started, the same for every program of it (CLOCK_MONOTONIC).</summary>
    public static long Milliseconds(TimeProvider time)
    {
        ArgumentNullException.ThrowIfNull(time);
        return (long)(time.GetTimestamp() * (1000.0 / time.TimestampFrequency));
    }

    /// <summary>
    /// A word for this start of the machine: the kernel's own (random(4), boot_id), and when PID 1 was started, because a
    /// container that is started again stays under the same kernel.
    /// </summary>
    public static string Current()
    {
        string stat = File.ReadAllText("/proc/1/stat");
        // proc(5): the name, in brackets, may hold any byte; starttime is field 22, the 20th behind it.
        string[] fields = stat[(stat.LastIndexOf(')') + 1)..].Split(' ', StringSplitOptions.RemoveEmptyEntries);
        return string.Create(CultureInfo.InvariantCulture, $"{File.ReadAllText("/proc/sys/kernel/random/boot_id").Trim()}:{fields[19]}");
    }
}

/// <summary>Reads and writes <see cref="UnconfirmedWall"/>; made at compile time, so that no reflection is needed.</summary>
[JsonSourceGenerationOptions(GenerationMode = JsonSourceGenerationMode.Metadata, UseStringEnumConverter = true, RespectNullableAnnotations = true)]
[JsonSerializable(typeof(UnconfirmedWall))]
internal sealed partial class UnconfirmedWallJson : JsonSerializerContext;
