using Microsoft.Win32.SafeHandles;

namespace RateWall.Systemd;

/// <summary>An open sd_journal object; libsystemd frees what it points to.</summary>
internal sealed class JournalHandle : SafeHandleZeroOrMinusOneIsInvalid
{
    public JournalHandle()
        : base(ownsHandle: true)
    {
    }

    protected override bool ReleaseHandle()
    {
        LibSystemd.sd_journal_close(handle);
        return true;
    }
}
