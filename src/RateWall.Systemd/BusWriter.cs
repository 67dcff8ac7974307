namespace RateWall.Systemd;

/// <summary>Writes the arguments of a method call, in the order and with the types its signature has (D-Bus specification).</summary>
public sealed class BusWriter
{
    private const string Operation = "writing a D-Bus message";
    private readonly BusMessageHandle message;

    internal BusWriter(BusMessageHandle message) => this.message = message;

    /// <summary>A string ("s"); without NUL.</summary>
    public BusWriter String(string value) => Text('s', value);

    /// <summary>A 64-bit number ("t").</summary>
    public BusWriter UInt64(ulong value) => Checked(LibSystemd.sd_bus_message_append_basic(message, (byte)'t', value));

    /// <summary>A truth value ("b").</summary>
    public BusWriter Boolean(bool value) => Checked(LibSystemd.sd_bus_message_append_basic(message, (byte)'b', value ? 1u : 0u));

    /// <summary>An array, whose elements are of the type <paramref name="contents"/>.</summary>
    public BusWriter Array(string contents, Action<BusWriter> write) => Container('a', contents, write);

    /// <summary>A struct of these members.</summary>
    public BusWriter Struct(string contents, Action<BusWriter> write) => Container('r', contents, write);

    /// <summary>A variant that holds a value of this type.</summary>
    public BusWriter Variant(string contents, Action<BusWriter> write) => Container('v', contents, write);

    /// <summary>An array of strings ("as").</summary>
    public BusWriter Strings(IEnumerable<string> values) => Array("s", array =>
    {
        foreach (string value in values) array.String(value);
    });

    private BusWriter Text(char type, string value)
    {
        if (value.Contains('\0', StringComparison.Ordinal)) throw new ArgumentException("a NUL in a D-Bus string", nameof(value));
        return Checked(LibSystemd.sd_bus_message_append_basic(message, (byte)type, value));
    }

    private BusWriter Container(char type, string contents, Action<BusWriter> write)
    {
        Checked(LibSystemd.sd_bus_message_open_container(message, (byte)type, contents));
        write(this);
        return Checked(LibSystemd.sd_bus_message_close_container(message));
    }

    private BusWriter Checked(int result)
    {
        LibSystemd.Check(Operation, result);
        return this;
    }
}
