using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace RateWall.Detection.Logs;

/// <content>
/// Blocks of lines. Of some hundred lines at a time first all are taken apart, then all are matched, those of one shape
/// behind one another, then all are handed on in the order they came in.
/// </content>
public sealed partial class LogParser
{
    /// <summary>
    /// Reads complete lines out of a block and says how many bytes they took; the rest (a half line) belongs in front of
    /// the next block. Of a line longer than 8 KiB nothing is believed; see <see cref="UnfinishedBytes"/>.
    /// </summary>
    /// <param name="block">Bytes of the log.</param>
    /// <param name="program">The program of lines whose header names none, or empty.</param>
    /// <param name="onAttempt">Called for each try as it becomes certain.</param>
    public int Read(ReadOnlySpan<byte> block, ReadOnlySpan<byte> program, AttemptHandler onAttempt)
    {
        ArgumentNullException.ThrowIfNull(onAttempt);
        ProgramRules[]? own = rules.FindOwn(program);
        LineBatch lines = batch ??= new(rules);
        lines.Begin();
        while (lines.Fill(block, unfinished > 0, own, keepsAll: !program.IsEmpty))
        {
            Match(block, lines, markAll: Heartbeat is not null);
            HandOn(block, lines, program, onAttempt);
        }

        Lines += lines.Found;
        Oversized += lines.Oversized;
        if (lines.Found > 0) unfinished = 0;
        int rest = block.Length - lines.Taken;
        if (unfinished == 0 && rest <= LogLines.MaxLine) return lines.Taken;
        unfinished += rest;
        return block.Length;
    }

    private static void Match(ReadOnlySpan<byte> block, LineBatch lines, bool markAll)
    {
        int matched = 0, number = 0;
        RecentBeginnings beginnings = lines.Beginnings;
        // Lines of one program follow one another; most have one rule file.
        ProgramRules[] files = [];
        RuleFile? file = null;
        Part? part = null;
        ReadOnlySpan<ushort> order = lines.ByShape();
        for (int i = 0; i < order.Length; i++)
        {
            int place = order[i];
            ref WaitingLine line = ref lines[place];
            if (markAll || line.Fate == LineFate.Apart) lines.Mark(place);
            if (line.Fate == LineFate.Apart) continue;
            if (line.Rules != number)
            {
                number = line.Rules;
                files = lines.Programs[number];
                (file, part) = files.Length == 1 ? (files[0].File, files[0].Part) : (null, null);
            }

            ReadOnlySpan<byte> text = block.Slice(line.Start, line.Length), message = text[line.MessageStart..];
            ref MatchedLine found = ref lines.Matched(matched);
            bool readable = block.Length - line.Start - line.Length >= Scan.Readable;
            if (readable && file is not null)
            {
                if (!file.MatchInBlock(message, part, beginnings, out found.Match))
                {
                    // Understood is what a rule says is no try; Unknown it was before.
                    if ((object?)found.Match.Rule is not null) line.Fate = LineFate.Understood;
                    continue;
                }

                line.Fate = LineFate.Matched;
            }
            else
            {
                line.Fate = Match(message, files, readable ? beginnings : null, out found.Match);
                if (line.Fate != LineFate.Matched) continue;
            }

            if (found.Match.Rule.Counting == Counting.Echo)
            {
                line.Fate = LineFate.Understood;
                continue;
            }

            // Only now the rest of the header is worth reading.
            int process = TaggedLine.ProcessIdBefore(ref MemoryMarshal.GetReference(message));
            message = message.Slice(found.Match.Start, found.Match.Length);
            found.Evidence.Read(text, message, found.Match, process);
            line.Place = matched++;
            lines.Mark(place);
        }
    }

    private void HandOn(ReadOnlySpan<byte> block, LineBatch lines, ReadOnlySpan<byte> program, AttemptHandler onAttempt)
    {
        long header = -1;
        long time = 0;
        // Which lines are to be handed on nobody guesses right: only those are looked at.
        for (int word = 0; word < lines.Marks.Length; word++)
        {
            for (ulong marks = lines.Marks[word]; marks != 0; marks &= marks - 1)
            {
                ref WaitingLine line = ref lines[(word * 64) + BitOperations.TrailingZeroCount(marks)];
                ReadOnlySpan<byte> text = block.Slice(line.Start, line.Length);
                if (line.Fate == LineFate.Apart)
                {
                    ReadLine(text, program, onAttempt);
                    continue;
                }

                if (Heartbeat is not null) Beat(lines.Programs[line.Rules], text[line.MessageStart..], line.Fate, line.Rules);
                if (line.Fate != LineFate.Matched) continue;
                if (line.Header != header)
                {
                    header = line.Header;
                    time = stamps.Read(text[..TaggedLine.Stamp]);
                }

                ref MatchedLine found = ref lines.Matched(line.Place);
                HandOn(new(text, text.Slice(line.MessageStart + found.Match.Start, found.Match.Length), time) { SyslogStart = line.MessageStart }, found.Match, ref found.Evidence, onAttempt);
            }
        }
    }
}
