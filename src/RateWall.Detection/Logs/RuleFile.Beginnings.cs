namespace RateWall.Detection.Logs;

/// <content>What is certain from a message's first bytes: the same for all that begin so.</content>
internal sealed partial class RuleFile
{
    // Where the beginning of a message leads, if its first bytes say that for certain; as MatchUnknown has it, step by step.
    private void Learn(ReadOnlySpan<byte> message, Part? given, RecentBeginnings recent)
    {
        if (IsStamped || message is [(byte)' ', ..]) return;
        if (!isBuilt) Build();
        var glance = new Glance(message[..Math.Min(message.Length, RecentBeginnings.MaxBytes)]);
        Part? part = given;
        int start = 0;
        if (named.Length > 0 && given is null)
        {
            if (MayBeginOtherwise(ref glance, 0)) return;
            foreach (Part one in named)
            {
                Certainty certain = glance.Stands(one.Name, 0);
                if (certain == Certainty.No) continue;
                // What stands behind the name in brackets is for the other way.
                if (certain == Certainty.Open || glance.Stands(": "u8, one.Name.Length) != Certainty.Yes) return;
                part = one;
                start = one.Name.Length + 2;
                break;
            }

            if (part is null)
            {
                recent.Add(message, new() { File = this, Given = given, Length = glance.Needed, Node = -1 });
                return;
            }
        }

        if (start >= glance.Length || MayBeginOtherwise(ref glance, start)) return;
        RuleTree own = part is null ? tree : part.Tree;
        int node = own.Foresee(ref glance, start, out int at);
        // Not a step was certain.
        if (start == 0 && at == 0 && node >= 0) return;
        recent.Add(message, new() { File = this, Given = given, Part = part, Length = glance.Needed, Start = start, Node = node, At = at });
    }

    // True when a lead or "message repeated" may stand at a place.
    private bool MayBeginOtherwise(ref Glance glance, int at)
    {
        if (at >= glance.Length) return true;
        if (!mayBeginOtherwise[glance[at]]) return false;
        foreach (ref readonly Literal lead in leads.AsSpan())
            if (glance.Stands(lead.Bytes, at) != Certainty.No) return true;
        return glance.Stands("message repeated "u8, at) != Certainty.No;
    }
}
