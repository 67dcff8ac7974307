using System.Buffers;
using System.Text;

namespace RateWall.Output;

/// <summary>
/// A text writer as a stream of ASCII bytes: what is long is written as it comes, and never held whole, neither as bytes nor
/// as text.
/// </summary>
/// <param name="output">Where the text goes; left open.</param>
internal sealed class AsciiStream(TextWriter output) : Stream
{
    /// <inheritdoc/>
    public override bool CanRead => false;

    /// <inheritdoc/>
    public override bool CanSeek => false;

    /// <inheritdoc/>
    public override bool CanWrite => true;

    /// <inheritdoc/>
    public override long Length => throw new NotSupportedException();

    /// <inheritdoc/>
    public override long Position
    {
        get => throw new NotSupportedException();
        set => throw new NotSupportedException();
    }

    /// <inheritdoc/>
    /// <exception cref="ArgumentException">A byte is not ASCII.</exception>
    public override void Write(ReadOnlySpan<byte> buffer)
    {
        char[] text = ArrayPool<char>.Shared.Rent(buffer.Length);
        if (Ascii.ToUtf16(buffer, text, out int written) != OperationStatus.Done) throw new ArgumentException("a byte is not ASCII", nameof(buffer));
        output.Write(text, 0, written);
        ArrayPool<char>.Shared.Return(text);
    }

    /// <inheritdoc/>
    public override void Write(byte[] buffer, int offset, int count) => Write(buffer.AsSpan(offset, count));

    /// <inheritdoc/>
    public override void Flush()
    {
    }

    /// <inheritdoc/>
    public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    /// <inheritdoc/>
    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    /// <inheritdoc/>
    public override void SetLength(long value) => throw new NotSupportedException();
}
