using System.Runtime.InteropServices;

namespace RateWall.Systemd;

/// <summary>
/// The answer to a method call, read value by value in the order of its signature. A value of another type than asked for is
/// a <see cref="SystemdException"/>.
/// </summary>
public sealed class BusReply : IDisposable
{
    private const string Operation = "reading a D-Bus answer";
    private readonly BusMessageHandle message;

    internal BusReply(BusMessageHandle message) => this.message = message;

    /// <summary>A string ("s").</summary>
    public string String() => Text('s');

    /// <summary>An object path ("o").</summary>
    public string ObjectPath() => Text('o');

    /// <summary>A 64-bit number ("t").</summary>
    public ulong UInt64()
    {
        MustBeThere(LibSystemd.sd_bus_message_read_basic(message, (byte)'t', out ulong value));
        return value;
    }

    /// <summary>Passes over values of these types.</summary>
    public void Skip(string types) => LibSystemd.Check(Operation, LibSystemd.sd_bus_message_skip(message, types));

    /// <summary>Reads a variant that holds a value of this type.</summary>
    public T Variant<T>(string contents, Func<BusReply, T> read) => Inside('v', contents, read);

    /// <summary>Reads all of an array.</summary>
    public IReadOnlyList<T> Array<T>(string contents, Func<BusReply, T> read) => Inside('a', contents, reply =>
    {
        var items = new List<T>();
        // An array's end is told by the struct that is not there any more, so elements here are structs.
        while (LibSystemd.Check(Operation, LibSystemd.sd_bus_message_enter_container(message, (byte)'r', contents.Trim('(', ')'))) > 0)
        {
            items.Add(read(reply));
            LibSystemd.Check(Operation, LibSystemd.sd_bus_message_exit_container(message));
        }

        return items;
    });

    /// <inheritdoc/>
    public void Dispose() => message.Dispose();

    private T Inside<T>(char type, string contents, Func<BusReply, T> read)
    {
        MustBeThere(LibSystemd.sd_bus_message_enter_container(message, (byte)type, contents));
        T value = read(this);
        LibSystemd.Check(Operation, LibSystemd.sd_bus_message_exit_container(message));
        return value;
    }

    private string Text(char type)
    {
        MustBeThere(LibSystemd.sd_bus_message_read_basic(message, (byte)type, out nint text));
        return Marshal.PtrToStringUTF8(text) ?? "";
    }

    // 0 is the end of what there is.
    private static void MustBeThere(int result)
    {
        if (LibSystemd.Check(Operation, result) == 0) throw new SystemdException(Operation, 0, "it is shorter than its kind");
    }
}
