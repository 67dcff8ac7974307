using System.Text;

namespace RateWall.Detection.Logs;

/// <summary>
/// Reads a template's text into the templates without options that it stands for. What has more than one reading is
/// refused here, so that the matcher never has to choose.
/// </summary>
internal sealed class TemplateReader
{
    /// <summary>The most templates one rule may stand for.</summary>
    public const int MaxVariants = 64;

    private readonly string text;
    private readonly string place;
    private int at;

    private TemplateReader(string text, string place)
    {
        this.text = text;
        this.place = place;
    }

    /// <summary>Reads a template.</summary>
    /// <param name="text">The template.</param>
    /// <param name="place">"file:line", for messages.</param>
    /// <exception cref="RuleException">It is not one, or it has more than one reading.</exception>
    public static Template[] Read(string text, string place)
    {
        var reader = new TemplateReader(text, place);
        List<List<Piece>> variants = reader.Sequence(inside: false, bars: false);
        List<List<Piece>> joined = variants.ConvertAll(Joined);
        List<List<Piece>> shorter = [];
        foreach (List<Piece> variant in joined)
            if (WithoutLastText(variant) is { } without) shorter.Add(without);
        if (shorter.Count > 0)
        {
            HashSet<string> written = [.. joined.Select(v => string.Concat(v))];
            joined.AddRange(shorter.Where(v => written.Add(string.Concat(v))));
        }

        // No query: each is a set of types that the runtime has to make, in a run of a fraction of a second.
        var templates = new Template[joined.Count];
        for (int i = 0; i < templates.Length; i++) templates[i] = new(reader.Checked(joined[i]));
        return templates;
    }

    // A message has lost the blanks at its end, and with them what stands in front of a text that is empty. Were the line left to
    // other rules for that, a name in it could be read as theirs.
    private static List<Piece>? WithoutLastText(List<Piece> pieces)
    {
        if (pieces is not [.. var before, { Kind: PieceKind.Literal } last, { Kind: PieceKind.Text or PieceKind.Calm }] || !before.Exists(p => p.IsHostile)) return null;
        byte[] kept = last.Literal.AsSpan().TrimEnd((byte)' ').ToArray();
        return kept.Length == last.Literal.Length ? null : kept.Length == 0 ? before : [.. before, last with { Literal = kept }];
    }

    private List<List<Piece>> Sequence(bool inside, bool bars)
    {
        List<List<Piece>> variants = [[]];
        var literal = new StringBuilder();
        while (at < text.Length)
        {
            char c = text[at];
            if (c == '{' && Next(1) == '{' || c == '}' && !inside && Next(1) == '}')
            {
                literal.Append(c);
                at += 2;
            }
            else if (inside && (c == '}' || (bars && c == '|')))
            {
                break;
            }
            else if (c == '}')
            {
                throw Wrong("a '}' without its '{'", "write '}}' for a brace that is in the log line");
            }
            else if (c == '{')
            {
                Append(variants, [[Piece.Of(literal.ToString())]]);
                literal.Clear();
                Append(variants, Hole());
            }
            else if (!inside && text.AsSpan(at).StartsWith("fields(", StringComparison.Ordinal))
            {
                Append(variants, [[Piece.Of(literal.ToString())]]);
                literal.Clear();
                Append(variants, [[Bag()]]);
            }
            else
            {
                literal.Append(c);
                at++;
            }
        }

        Append(variants, [[Piece.Of(literal.ToString())]]);
        return variants;
    }

    private List<List<Piece>> Hole()
    {
        at++;
        if (Next(0) == '?')
        {
            at++;
            List<List<Piece>> option = Sequence(inside: true, bars: false);
            Close();
            option.Add([]);
            return option;
        }

        if (Next(0) == '=')
        {
            List<List<Piece>> alternatives = [];
            do
            {
                at++;
                alternatives.AddRange(Sequence(inside: true, bars: true));
            }
            while (Next(0) == '|');
            Close();
            return alternatives;
        }

        int close = text.IndexOf('}', at);
        if (close < 0) throw Wrong("a '{' without its '}'", "close the hole, or write '{{' for a brace that is in the log line");
        string name = text[at..close];
        at = close + 1;
        return [[HoleNamed(name)]];
    }

    private Piece HoleNamed(string name)
    {
        switch (name)
        {
            case "user": return new(PieceKind.User);
            case "text": return new(PieceKind.Text);
            case "calm": return new(PieceKind.Calm);
        }

        foreach (ByteClass known in ByteClass.All)
            if (known.Name == name) return new(PieceKind.Typed) { Class = known };
        string all = string.Join(' ', ByteClass.All.Select(c => $"{{{c.Name}}}"));
        throw Wrong($"'{{{name}}}' is not a hole", $"use one of {all} {{user}} {{text}} {{calm}}");
    }

    // fields(user=<{user}>|rip={address}, ", ")
    private Piece Bag()
    {
        at += "fields(".Length;
        int quote = text.IndexOf(", \"", Math.Max(at, text.LastIndexOf('}')), StringComparison.Ordinal);
        if (quote < at || !text.EndsWith("\")", StringComparison.Ordinal) || quote + 3 > text.Length - 2)
            throw Wrong("fields(...) does not end in its separator", "end the template with: fields(key={hole}|key={hole}, \", \")");
        string separator = text[(quote + 3)..^2];
        if (separator.Length == 0) throw Wrong("the separator of fields(...) is empty", "write what stands between two keys, such as \", \"");
        string[] written = text[at..quote].Split('|');
        if (written.Length > 32) throw Wrong($"fields(...) names {written.Length} keys", "name at most 32");
        at = text.Length;
        Field[] fields = [.. written.Select(FieldOf)];
        return new(PieceKind.Fields) { Fields = new(fields, separator) };
    }

    private Field FieldOf(string written)
    {
        int equals = written.IndexOf('=', StringComparison.Ordinal);
        int open = written.IndexOf('{', StringComparison.Ordinal), close = written.IndexOf('}', StringComparison.Ordinal);
        if (equals <= 0 || open < equals || close < open)
            throw Wrong($"'{written}' is not a key and its value", "write key={hole}, such as rip={address}");
        Piece hole = HoleNamed(written[(open + 1)..close]);
        byte[] end = Encoding.UTF8.GetBytes(written[(close + 1)..]);
        if (hole.Class is { } c && end.Length > 0 && c.Holds(end[0]))
            throw Wrong($"'{(char)end[0]}' behind {hole} may belong to it", "use a hole that cannot hold that byte");
        return new(
            Encoding.UTF8.GetBytes(written[..(equals + 1)]), Encoding.UTF8.GetBytes(written[(equals + 1)..open]), hole, end);
    }

    private void Append(List<List<Piece>> variants, List<List<Piece>> more)
    {
        if (more is [[{ Kind: PieceKind.Literal, Literal.Length: 0 }]]) return;
        if (variants.Count * more.Count > MaxVariants)
            throw Wrong($"the options of this template make more than {MaxVariants} templates", "write it as two rules");
        if (more is [var only])
        {
            foreach (List<Piece> variant in variants) variant.AddRange(only);
            return;
        }

        List<Piece>[] before = [.. variants];
        variants.Clear();
        foreach (List<Piece> variant in before)
            foreach (List<Piece> next in more) variants.Add([.. variant, .. next]);
    }

    private void Close()
    {
        if (Next(0) != '}') throw Wrong("a '{' without its '}'", "close the option");
        at++;
    }

    private char Next(int ahead) => at + ahead < text.Length ? text[at + ahead] : '\0';

    private static List<Piece> Joined(List<Piece> pieces)
    {
        List<Piece> joined = [];
        foreach (Piece piece in pieces)
        {
            if (piece.Kind == PieceKind.Literal && piece.Literal.Length == 0) continue;
            if (piece.Kind == PieceKind.Literal && joined is [.., { Kind: PieceKind.Literal } before])
                joined[^1] = before with { Literal = [.. before.Literal, .. piece.Literal] };
            else
                joined.Add(piece);
        }

        return joined;
    }

    private List<Piece> Checked(List<Piece> pieces)
    {
        if (pieces.Count(p => p.Kind == PieceKind.User) > 1) throw Wrong("{user} stands twice", "use {text} for what is not the user's name");
        int bag = pieces.FindIndex(p => p.Kind == PieceKind.Fields);
        if (bag >= 0 && pieces.Exists(p => p.IsHostile)) throw Wrong("a hostile hole in front of fields(...)", "clients could write keys there; use {calm} if the daemon alone writes it");
        if (bag >= 0 && pieces.Exists(p => p.IsAddress) && pieces[bag].Fields!.Fields.Any(f => f.Hole.IsAddress))
            throw Wrong("{address} both inside and outside of fields(...)", "take it from one of them");
        if (pieces.Sum(p => p.Literal.Length) < 4) throw Wrong("hardly any fixed text", "give at least four bytes that every such line has");
        for (int i = 0; i + 1 < pieces.Count; i++)
        {
            Piece piece = pieces[i], next = pieces[i + 1];
            if (piece.Kind == PieceKind.Literal) continue;
            if (next.Kind != PieceKind.Literal)
                throw Wrong($"{piece} and {next} touch", "put the text that stands between them there; without it nobody can tell them apart");
            if (piece.Class is not { } c || !c.Holds(next.Literal[0])) continue;
            bool endsThere = next.Literal.Length > 1 ? !c.Holds(next.Literal[1]) : i + 2 == pieces.Count;
            if (!endsThere)
                throw Wrong($"'{(char)next.Literal[0]}' behind {piece} may belong to it", "use a hole that cannot hold that byte");
            pieces[i] = piece with { GivesBack = next.Literal[0] };
        }

        return pieces;
    }

    private RuleException Wrong(string what, string remedy) => new($"{place}: {what}; {remedy}");
}
