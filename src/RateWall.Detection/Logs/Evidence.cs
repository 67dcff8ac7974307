namespace RateWall.Detection.Logs;

/// <summary>What a line that matched says by itself, whatever was said before it.</summary>
internal struct Evidence
{
    /// <summary>The process id, or 0.</summary>
    public int ProcessId;

    /// <summary>True when the line names the address that the try came from.</summary>
    public bool HasSource;

    /// <summary>The address, or the default.</summary>
    public SourceAddress Source;

    /// <summary>As in <see cref="Attempt.Port"/>.</summary>
    public int Port;

    /// <summary>The line's length without what trails it.</summary>
    public int Length;

    /// <summary>Reads it.</summary>
    /// <param name="line">The whole line.</param>
    /// <param name="message">What matched of it.</param>
    /// <param name="match">The rule and what it found.</param>
    /// <param name="process">The process id, or 0.</param>
    public void Read(ReadOnlySpan<byte> line, ReadOnlySpan<byte> message, in RuleMatch match, int process)
    {
        ref readonly Captures found = ref match.Captures;
        ProcessId = process;
        HasSource = false;
        Source = default;
        Port = 0;
        if (found.AddressStart >= 0)
        {
            HasSource = SourceAddress.TryParse(message.Slice(found.AddressStart, found.AddressLength), out Source);
            if (HasSource && match.Rule.Kind == AttemptKind.Success) Port = LoginPort.Of(message[(found.AddressStart + found.AddressLength)..], Source);
        }

        int length = line.Length;
        while (length > 0 && line[length - 1] is (byte)'\r' or (byte)' ' or (byte)'\t') length--;
        Length = length;
    }
}
