using System.Runtime.InteropServices;
using System.Text;

namespace RateWall.Systemd;

/// <summary>
/// The answer to a method call, or a signal, read value by value in the order of its signature. A value of another type than
/// asked for is a <see cref="SystemdException"/>.
/// </summary>
public sealed class BusReply : IDisposable
{
    private const string Operation = "reading a D-Bus message";
    private readonly BusMessageHandle message;

    internal BusReply(BusMessageHandle message) => this.message = message;

    /// <summary>The object that a signal is of; "" when the message names none.</summary>
    public string Path => Marshal.PtrToStringUTF8(LibSystemd.sd_bus_message_get_path(message)) ?? "";

    /// <summary>True for this signal of this interface.</summary>
    public bool IsSignal(string @interface, string member) => LibSystemd.Check(Operation, LibSystemd.sd_bus_message_is_signal(message, @interface, member)) > 0;

    /// <summary>A string ("s").</summary>
    public string String() => Marshal.PtrToStringUTF8(Text('s')) ?? "";

    /// <summary>A string ("s"), no more of it than its first bytes.</summary>
    public unsafe string String(int mostBytes)
    {
        ReadOnlySpan<byte> text = MemoryMarshal.CreateReadOnlySpanFromNullTerminated((byte*)Text('s'));
        return Encoding.UTF8.GetString(text[..Math.Min(text.Length, mostBytes)]);
    }

    /// <summary>An object path ("o").</summary>
    public string ObjectPath() => Marshal.PtrToStringUTF8(Text('o')) ?? "";

    /// <summary>A 32-bit number ("u").</summary>
    public uint UInt32()
    {
        MustBeThere(LibSystemd.sd_bus_message_read_basic(message, (byte)'u', out uint value));
        return value;
    }

    /// <summary>A 64-bit number ("t").</summary>
    public ulong UInt64()
    {
        MustBeThere(LibSystemd.sd_bus_message_read_basic(message, (byte)'t', out ulong value));
        return value;
    }

    /// <summary>Bytes ("ay").</summary>
    public unsafe byte[] Bytes()
    {
        LibSystemd.Check(Operation, LibSystemd.sd_bus_message_read_array(message, (byte)'y', out nint bytes, out nuint size));
        return new ReadOnlySpan<byte>((void*)bytes, checked((int)size)).ToArray();
    }

    /// <summary>Strings ("as").</summary>
    public IReadOnlyList<string> Strings() => Inside('a', "s", _ =>
    {
        var items = new List<string>();
        while (LibSystemd.Check(Operation, LibSystemd.sd_bus_message_read_basic(message, (byte)'s', out nint text)) > 0)
            items.Add(Marshal.PtrToStringUTF8(text) ?? "");
        return items;
    });

    /// <summary>Passes over values of these types.</summary>
    public void Skip(string types) => LibSystemd.Check(Operation, LibSystemd.sd_bus_message_skip(message, types));

    /// <summary>Reads a variant that holds a value of this type.</summary>
    public T Variant<T>(string contents, Func<BusReply, T> read) => Inside('v', contents, read);

    /// <summary>Reads an array of structs.</summary>
    /// <param name="contents">The struct's type: "(sus)".</param>
    /// <param name="read">Reads one struct.</param>
    /// <param name="most">So many are kept; the rest is passed over.</param>
    public IReadOnlyList<T> Array<T>(string contents, Func<BusReply, T> read, int most = int.MaxValue) => Inside('a', contents, _ =>
    {
        string members = contents.Trim('(', ')');
        var items = new List<T>();
        Elements('r', members, reply =>
        {
            if (items.Count < most) items.Add(read(reply));
            else reply.Skip(members);
        });
        return items;
    });

    /// <summary>Reads names with values ("a{sv}").</summary>
    /// <param name="read">Is given each name and reads or passes over its variant.</param>
    public void Properties(Action<string, BusReply> read) => Inside('a', "{sv}", _ =>
    {
        Elements('e', "sv", reply => read(reply.String(), reply));
        return 0;
    });

    /// <inheritdoc/>
    public void Dispose() => message.Dispose();

    // An array's end is told by the element that is not there any more.
    private void Elements(char type, string contents, Action<BusReply> read)
    {
        while (LibSystemd.Check(Operation, LibSystemd.sd_bus_message_enter_container(message, (byte)type, contents)) > 0)
        {
            read(this);
            LibSystemd.Check(Operation, LibSystemd.sd_bus_message_exit_container(message));
        }
    }

    private T Inside<T>(char type, string contents, Func<BusReply, T> read)
    {
        MustBeThere(LibSystemd.sd_bus_message_enter_container(message, (byte)type, contents));
        T value = read(this);
        LibSystemd.Check(Operation, LibSystemd.sd_bus_message_exit_container(message));
        return value;
    }

    private nint Text(char type)
    {
        MustBeThere(LibSystemd.sd_bus_message_read_basic(message, (byte)type, out nint text));
        return text;
    }

    // 0 is the end of what there is.
    private static void MustBeThere(int result)
    {
        if (LibSystemd.Check(Operation, result) == 0) throw new SystemdException(Operation, 0, "it is shorter than its kind");
    }
}
