using System.Text;

namespace RateWall.Output;

/// <summary>Gathers many small texts and writes them in blocks: the console writes each of them by itself otherwise.</summary>
/// <param name="output">Where they go.</param>
internal sealed class OutputBlocks(TextWriter output)
{
    private const int Block = 16 * 1024; // characters

    private readonly StringBuilder gathered = new();

    /// <summary>Adds a text.</summary>
    public void Write(string text)
    {
        gathered.Append(text);
        if (gathered.Length >= Block) Flush();
    }

    /// <summary>Adds a text and ends its line.</summary>
    public void WriteLine(string text)
    {
        Write(text);
        Write(output.NewLine);
    }

    /// <summary>Writes what was gathered.</summary>
    public void Flush()
    {
        foreach (ReadOnlyMemory<char> chunk in gathered.GetChunks()) output.Write(chunk.Span);
        gathered.Clear();
    }
}
