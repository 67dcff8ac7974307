namespace RateWall.Detection.Correlation;

/// <summary>Where the windows of single sources are: nearly always in the source's row.</summary>
public sealed partial class Correlator
{
    private const int TrySlot = 0;
    private const int ProbeSlot = 1;
    private const int LimitSlot = 2;
    private const int Slots = 3;

    private readonly Rows<WindowRow> otherWindows = new();
    private readonly RoomPool<Try> tries = new();
    private int windowCount;

    /// <summary>Windows that changed since the last <see cref="Clear"/>.</summary>
    public IEnumerable<WindowState> Changed
    {
        get
        {
            Finish();
            foreach (int row in WindowsInOrder())
            {
                (int source, int other) = row >= 0 ? (row, 0) : (otherWindows[~row].Source, ~row + 1);
                if (StateOf(ref sources[source], other) is { } changed) yield return changed;
            }

            foreach (WindowState together in ChangedTogether()) yield return together;
        }
    }

    private WindowState? StateOf(ref SourceRow who, int other)
    {
        ref SlidingWindow window = ref WindowAt(ref who, other);
        return window.Changed ? new(IdOf(who.Key, window.Slot), Marks(window.Tries(tries))) : null;
    }

    private void ClearWindows()
    {
        otherWindows.Clear();
        windowCount = 0;
        tries.Clear();
    }

    // Which of the source's windows it is, for WindowAt, or -1 when there is no room for another.
    private int WindowOf(ref SourceRow who, int source, int service, int slot)
    {
        slot += service * Slots;
        if (who.WindowNumber != 0)
        {
            if (who.Window.Slot == slot) return 0;
            for (int other = who.OtherWindow; other != 0; other = otherWindows[other - 1].Next)
                if (otherWindows[other - 1].Window.Slot == slot) return other;
        }

        return AddWindow(ref who, source, (ushort)slot);
    }

    private int AddWindow(ref SourceRow who, int source, ushort slot)
    {
        if (windowCount >= maxWindows) return -1;
        int number = ++windowCount, other = 0;
        if (who.WindowNumber == 0)
        {
            who.WindowNumber = number;
        }
        else
        {
            other = otherWindows.Add() + 1;
            otherWindows[other - 1] = new() { Source = source, Number = number, Next = who.OtherWindow };
            who.OtherWindow = other;
        }

        ref SlidingWindow window = ref WindowAt(ref who, other);
        window.Slot = slot;
        window.Load(state.LoadWindow(IdOf(who.Key, slot)), tries);
        return other;
    }

    private ref SlidingWindow WindowAt(ref SourceRow who, int other) => ref other == 0 ? ref who.Window : ref otherWindows[other - 1].Window;

    // As they came: sources that have one in their row, and the others' complements.
    private int[] WindowsInOrder()
    {
        int[] all = new int[windowCount];
        for (int i = 0; i < sources.Count; i++)
            if (sources[i].WindowNumber != 0) all[sources[i].WindowNumber - 1] = i;
        for (int i = 0; i < otherWindows.Count; i++) all[otherWindows[i].Number - 1] = ~i;
        return all;
    }

    private WindowId IdOf(AddressPrefix key, int slot) => new(
        (slot % Slots) switch { TrySlot => WindowId.Tries, ProbeSlot => DetectionName.Probes, _ => DetectionName.DaemonLimit },
        services[slot / Slots].Name, key);

    private static WindowMark[] Marks(ReadOnlySpan<Try> held)
    {
        var marks = new WindowMark[held.Length];
        for (int i = 0; i < marks.Length; i++) marks[i] = new(held[i].UnixMilliseconds, 0, held[i].User);
        return marks;
    }

    // The others of a source that has more than the one in its row.
    private struct WindowRow
    {
        public SlidingWindow Window;

        /// <summary>The number of the source's row.</summary>
        public int Source;

        /// <summary>Which of all windows it is, counted from 1.</summary>
        public int Number;

        /// <summary>The source's next other window, plus 1.</summary>
        public int Next;
    }
}
