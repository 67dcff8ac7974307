using System.Text;
using Spectre.Console;

namespace RateWall.Output;

/// <summary>What a cell's colour says, where there are colours. Its text must say it too.</summary>
public enum Tone
{
    /// <summary>Nothing special.</summary>
    Plain,

    /// <summary>As it should be.</summary>
    Good,

    /// <summary>Worth a look.</summary>
    Warning,

    /// <summary>Not as it should be.</summary>
    Bad,

    /// <summary>Less important than its neighbours.</summary>
    Quiet,
}

/// <summary>A cell of a table.</summary>
/// <param name="Text">Any text, hostile too: it is escaped when printed.</param>
/// <param name="Tone">What its colour says.</param>
public readonly record struct Cell(string Text, Tone Tone = Tone.Plain)
{
    /// <summary>A cell of no special tone.</summary>
    public static implicit operator Cell(string text) => new(text);

    /// <summary>The same as the conversion, by name.</summary>
    public static Cell FromString(string text) => new(text);
}

/// <summary>
/// A table for people. On a terminal it is drawn to the terminal's width; into a pipe or a file it is plain aligned text, one line
/// a row, never cut or wrapped, so that grep and awk can be used on it.
/// </summary>
public sealed class AnswerTable
{
    /// <summary>So many rows are drawn on a terminal; more are written as into a file, for drawing needs them all at once.</summary>
    private const int MostDrawn = 1000;

    private const string Gap = "  ";
    private readonly string[] headings;
    private readonly bool[] right;
    private readonly List<Cell[]> rows = [];

    /// <param name="headings">The columns' headings; one that begins with '>' is of a column aligned to the right (numbers).</param>
    public AnswerTable(params string[] headings)
    {
        ArgumentNullException.ThrowIfNull(headings);
        right = [.. headings.Select(h => h.StartsWith('>'))];
        this.headings = [.. headings.Select(h => h.TrimStart('>'))];
    }

    /// <summary>How many rows there are.</summary>
    public int Count => rows.Count;

    /// <summary>Adds a row.</summary>
    /// <exception cref="ArgumentException">It has not one cell for each column.</exception>
    public void Add(params Cell[] cells)
    {
        ArgumentNullException.ThrowIfNull(cells);
        rows.Add(Escaped(cells));
    }

    /// <summary>Prints the table.</summary>
    /// <param name="output">Where to.</param>
    /// <param name="terminal">What <paramref name="output"/> can do.</param>
    public void WriteTo(TextWriter output, Terminal terminal)
    {
        ArgumentNullException.ThrowIfNull(output);
        ArgumentNullException.ThrowIfNull(terminal);
        if (terminal.IsTerminal && PlainWidth() > terminal.Width || terminal.HasColours) Draw(output, terminal);
        else WritePlain(output);
    }

    /// <summary>
    /// Prints rows that may be too many to be held: they are asked for twice, first for their widths. Without a row nothing is
    /// printed.
    /// </summary>
    /// <param name="output">Where to.</param>
    /// <param name="terminal">What <paramref name="output"/> can do.</param>
    /// <param name="each">Calls for each row, both times alike.</param>
    /// <returns>False when there was no row.</returns>
    public bool WriteEach(TextWriter output, Terminal terminal, Action<Action<Cell[]>> each)
    {
        ArgumentNullException.ThrowIfNull(each);
        int[] widths = Widths();
        bool few = true;
        each(cells =>
        {
            Cell[] row = Escaped(cells);
            for (int i = 0; i < widths.Length; i++) widths[i] = Math.Max(widths[i], WidthOf(row[i].Text));
            few &= rows.Count < MostDrawn;
            if (few) rows.Add(row);
        });
        if (rows.Count == 0) return false;
        if (few)
        {
            WriteTo(output, terminal);
            return true;
        }

        rows.Clear();
        var blocks = new OutputBlocks(output);
        blocks.WriteLine(Line(widths, headings));
        each(cells => blocks.WriteLine(Line(widths, Texts(Escaped(cells)))));
        blocks.Flush();
        return true;
    }

    private Cell[] Escaped(Cell[] cells) => cells.Length == headings.Length
        ? Array.ConvertAll(cells, c => c with { Text = TerminalText.Escape(c.Text) })
        : throw new ArgumentException($"a row of this table has {headings.Length} cells, not {cells.Length}", nameof(cells));

    private static string[] Texts(Cell[] row) => Array.ConvertAll(row, c => c.Text);

    private void WritePlain(TextWriter output)
    {
        int[] widths = Widths();
        output.WriteLine(Line(widths, headings));
        foreach (Cell[] row in rows) output.WriteLine(Line(widths, Texts(row)));
    }

    private string Line(int[] widths, string[] texts)
    {
        var line = new StringBuilder();
        for (int i = 0; i < texts.Length; i++)
        {
            string padding = new(' ', Math.Max(0, widths[i] - WidthOf(texts[i])));
            if (i > 0) line.Append(Gap);
            line.Append(right[i] ? padding : texts[i]).Append(right[i] ? texts[i] : padding);
        }

        return line.ToString().TrimEnd(' ');
    }

    private int[] Widths() =>
        [.. headings.Select((h, i) => rows.Select(r => WidthOf(r[i].Text)).Append(WidthOf(h)).Max())];

    private int PlainWidth() => Widths().Sum() + Gap.Length * (headings.Length - 1);

    // Escaping has left no combining tricks worth their own table of widths: one column for each character.
    private static int WidthOf(string text) => text.EnumerateRunes().Count();

    private void Draw(TextWriter output, Terminal terminal)
    {
        var table = new Table { Border = TableBorder.None };
        for (int i = 0; i < headings.Length; i++)
        {
            var column = new TableColumn(new Text(headings[i], new Style(decoration: Decoration.Bold)))
            {
                Alignment = right[i] ? Justify.Right : Justify.Left,
                // Names and numbers are read as one word; what explains them may take several lines.
                NoWrap = i == 0 || right[i],
                Padding = new Padding(0, 0, i == headings.Length - 1 ? 0 : Gap.Length, 0),
            };
            table.AddColumn(column);
        }

        foreach (Cell[] row in rows) table.AddRow(row.Select(c => new Text(c.Text, StyleOf(c.Tone))));
        IAnsiConsole console = AnsiConsole.Create(new AnsiConsoleSettings
        {
            Ansi = terminal.HasColours ? AnsiSupport.Yes : AnsiSupport.No,
            ColorSystem = terminal.HasColours ? ColorSystemSupport.Standard : ColorSystemSupport.NoColors,
            Interactive = InteractionSupport.No,
            Out = new SizedOutput(output, terminal),
        });
        console.Write(table);
    }

    private static Style StyleOf(Tone tone) => tone switch
    {
        Tone.Good => new Style(Color.Green),
        Tone.Warning => new Style(Color.Yellow),
        Tone.Bad => new Style(Color.Red),
        Tone.Quiet => new Style(decoration: Decoration.Dim),
        _ => Style.Plain,
    };

    // Spectre takes 80 columns for anything it does not know; here the width is always known.
    private sealed class SizedOutput(TextWriter writer, Terminal terminal) : IAnsiConsoleOutput
    {
        public TextWriter Writer => writer;

        public bool IsTerminal => terminal.IsTerminal;

        public int Width => terminal.Width;

        public int Height => 24;

        public void SetEncoding(Encoding encoding)
        {
        }
    }
}
