using System.Runtime.InteropServices;

namespace RateWall.Systemd;

/// <content>sd-bus (systemd/sd-bus.h). Its variadic calls are not used: they cannot be imported everywhere.</content>
internal static partial class LibSystemd
{
    [LibraryImport(Library)]
    public static partial int sd_bus_open_system(out BusHandle bus);

    [LibraryImport(Library)]
    public static partial int sd_bus_new(out BusHandle bus);

    [LibraryImport(Library, StringMarshalling = StringMarshalling.Utf8)]
    public static partial int sd_bus_set_address(BusHandle bus, string address);

    [LibraryImport(Library)]
    public static partial int sd_bus_start(BusHandle bus);

    [LibraryImport(Library)]
    public static partial int sd_bus_set_bus_client(BusHandle bus, int b);

    [LibraryImport(Library)]
    public static partial int sd_bus_is_ready(BusHandle bus);

    [LibraryImport(Library)]
    public static partial nint sd_bus_close_unref(nint bus);

    [LibraryImport(Library)]
    public static partial int sd_bus_process(BusHandle bus, out BusMessageHandle message);

    [LibraryImport(Library)]
    public static partial int sd_bus_wait(BusHandle bus, ulong timeoutUsec);

    [LibraryImport(Library, StringMarshalling = StringMarshalling.Utf8)]
    public static partial int sd_bus_path_decode(string path, string prefix, out nint externalId);

    [LibraryImport(Library, StringMarshalling = StringMarshalling.Utf8)]
    public static partial int sd_bus_message_is_signal(BusMessageHandle message, string @interface, string member);

    [LibraryImport(Library)]
    public static partial nint sd_bus_message_get_path(BusMessageHandle message);

    [LibraryImport(Library, StringMarshalling = StringMarshalling.Utf8)]
    public static partial int sd_bus_message_new_method_call(
        BusHandle bus, out BusMessageHandle message, string destination, string path, string @interface, string member);

    [LibraryImport(Library)]
    public static partial nint sd_bus_message_unref(nint message);

    [LibraryImport(Library, StringMarshalling = StringMarshalling.Utf8)]
    public static partial int sd_bus_message_append_basic(BusMessageHandle message, byte type, string value);

    [LibraryImport(Library)]
    public static partial int sd_bus_message_append_basic(BusMessageHandle message, byte type, in ulong value);

    [LibraryImport(Library)]
    public static partial int sd_bus_message_append_basic(BusMessageHandle message, byte type, in uint value);

    [LibraryImport(Library, StringMarshalling = StringMarshalling.Utf8)]
    public static partial int sd_bus_message_open_container(BusMessageHandle message, byte type, string contents);

    [LibraryImport(Library)]
    public static partial int sd_bus_message_close_container(BusMessageHandle message);

    [LibraryImport(Library)]
    public static partial int sd_bus_call(BusHandle bus, BusMessageHandle message, ulong usec, ref BusError error, out BusMessageHandle reply);

    [LibraryImport(Library)]
    public static partial void sd_bus_error_free(ref BusError error);

    [LibraryImport(Library, StringMarshalling = StringMarshalling.Utf8)]
    public static partial int sd_bus_message_enter_container(BusMessageHandle message, byte type, string contents);

    [LibraryImport(Library)]
    public static partial int sd_bus_message_exit_container(BusMessageHandle message);

    [LibraryImport(Library)]
    public static partial int sd_bus_message_read_basic(BusMessageHandle message, byte type, out nint text);

    [LibraryImport(Library)]
    public static partial int sd_bus_message_read_basic(BusMessageHandle message, byte type, out ulong value);

    [LibraryImport(Library)]
    public static partial int sd_bus_message_read_basic(BusMessageHandle message, byte type, out uint value);

    [LibraryImport(Library)]
    public static partial int sd_bus_message_read_array(BusMessageHandle message, byte type, out nint bytes, out nuint size);

    [LibraryImport(Library, StringMarshalling = StringMarshalling.Utf8)]
    public static partial int sd_bus_message_skip(BusMessageHandle message, string types);

    /// <summary>sd_bus_error: a name such as "org.freedesktop.systemd1.NoSuchUnit", and words for people.</summary>
    [StructLayout(LayoutKind.Sequential)]
    public struct BusError
    {
        public nint Name;
        public nint Message;
        public int NeedFree;
    }
}

/// <summary>An open sd_bus object; closing it sends what is still to be sent.</summary>
internal sealed class BusHandle : Microsoft.Win32.SafeHandles.SafeHandleZeroOrMinusOneIsInvalid
{
    public BusHandle()
        : base(ownsHandle: true)
    {
    }

    protected override bool ReleaseHandle()
    {
        // Without a flush: every call has waited for its answer, and where nobody greeted a flush would wait for 90 s.
        LibSystemd.sd_bus_close_unref(handle);
        return true;
    }
}

/// <summary>An sd_bus_message object.</summary>
internal sealed class BusMessageHandle : Microsoft.Win32.SafeHandles.SafeHandleZeroOrMinusOneIsInvalid
{
    public BusMessageHandle()
        : base(ownsHandle: true)
    {
    }

    protected override bool ReleaseHandle()
    {
        LibSystemd.sd_bus_message_unref(handle);
        return true;
    }
}
