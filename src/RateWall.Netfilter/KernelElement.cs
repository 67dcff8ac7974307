using static RateWall.Netfilter.KernelHeaders;

namespace RateWall.Netfilter;

/// <summary>An element as the kernel holds it, before interval ends are joined to their beginnings.</summary>
internal readonly record struct KernelElement(
    byte[] Key, byte[] KeyEnd, uint Flags, ulong? Timeout, ulong? Expiration, ulong? Packets, ulong? Bytes)
{
    public bool IsEnd => (Flags & NFT_SET_ELEM_INTERVAL_END) != 0;

    /// <summary>Reads the elements of one NFT_MSG_NEWSETELEM.</summary>
    /// <param name="attributes">The message's attributes; its fault is the caller's to look at.</param>
    /// <param name="keyLength">What every key must measure.</param>
    /// <param name="elements">Where they go.</param>
    public static void ReadList(ref AttributeReader attributes, int keyLength, List<KernelElement> elements)
    {
        while (attributes.Next())
        {
            if (attributes.Type != NFTA_SET_ELEM_LIST_ELEMENTS) continue;
            AttributeReader list = attributes.Nested();
            while (list.Next())
            {
                AttributeReader element = list.Nested();
                if (Read(ref element, keyLength) is { } read) elements.Add(read);
                list.Absorb(element);
            }

            attributes.Absorb(list);
        }
    }

    /// <summary>Adds to a fingerprint what the elements of one NFT_MSG_NEWSETELEM are, without reading them.</summary>
    public static void AddKeys(ref AttributeReader attributes, ref Fingerprint hash)
    {
        while (attributes.Next())
        {
            if (attributes.Type != NFTA_SET_ELEM_LIST_ELEMENTS) continue;
            AttributeReader list = attributes.Nested();
            while (list.Next())
            {
                AttributeReader element = list.Nested();
                while (element.Next())
                {
                    if (element.Type is NFTA_SET_ELEM_KEY or NFTA_SET_ELEM_KEY_END or NFTA_SET_ELEM_DATA or NFTA_SET_ELEM_FLAGS) hash.Add(element.Type, element.Payload);
                }

                list.Absorb(element);
            }

            attributes.Absorb(list);
        }
    }

    /// <summary>The element for the world: lone keys and ranges; for intervals see <see cref="Intervals"/>.</summary>
    public SetElement ToSetElement(ReadOnlyMemory<byte> lastKey, TimeSpan? setTimeout) => new()
    {
        Key = Key,
        LastKey = lastKey,
        // The kernel leaves out a timeout that is the set's own; then only what remains of it is told.
        Timeout = Timeout is { } own ? Milliseconds.ToTimeSpan(own) : Expiration is null ? null : setTimeout,
        Expires = Expiration is { } left ? Milliseconds.ToTimeSpan(left) ?? TimeSpan.Zero : null,
        Packets = Packets,
        Bytes = Bytes,
    };

    private static KernelElement? Read(ref AttributeReader element, int keyLength)
    {
        byte[] key = [], keyEnd = [];
        uint flags = 0;
        ulong? timeout = null, expiration = null, packets = null, bytes = null;
        while (element.Next())
        {
            switch (element.Type)
            {
                case NFTA_SET_ELEM_KEY: key = ReadKey(ref element, keyLength); break;
                case NFTA_SET_ELEM_KEY_END: keyEnd = ReadKey(ref element, keyLength); break;
                case NFTA_SET_ELEM_FLAGS: flags = element.U32(); break;
                case NFTA_SET_ELEM_TIMEOUT: timeout = element.U64(); break;
                case NFTA_SET_ELEM_EXPIRATION: expiration = element.U64(); break;
                case NFTA_SET_ELEM_EXPR:
                    AttributeReader single = element.Nested();
                    ReadExpression(ref single, ref packets, ref bytes);
                    element.Absorb(single);
                    break;
                case NFTA_SET_ELEM_EXPRESSIONS:
                    AttributeReader list = element.Nested();
                    while (list.Next())
                    {
                        AttributeReader one = list.Nested();
                        ReadExpression(ref one, ref packets, ref bytes);
                        list.Absorb(one);
                    }

                    element.Absorb(list);
                    break;
            }
        }

        // The catch-all element (`*`) has no key and stands for none of its own.
        if ((flags & NFT_SET_ELEM_CATCHALL) != 0 || element.Fault is not null) return null;
        if (key.Length == 0)
        {
            element.Fail("an element without a key");
            return null;
        }

        return new(key, keyEnd, flags, timeout, expiration, packets, bytes);
    }

    private static byte[] ReadKey(ref AttributeReader element, int keyLength)
    {
        byte[] key = [];
        AttributeReader wrapper = element.Nested();
        while (wrapper.Next())
        {
            if (wrapper.Type == NFTA_DATA_VALUE) key = wrapper.Payload.ToArray();
        }

        if (key.Length != keyLength) wrapper.Fail($"a key of {key.Length} bytes in a set whose keys have {keyLength}");
        element.Absorb(wrapper);
        return key;
    }

    private static void ReadExpression(ref AttributeReader expression, ref ulong? packets, ref ulong? bytes)
    {
        bool isCounter = false;
        while (expression.Next())
        {
            if (expression.Type == NFTA_EXPR_NAME)
            {
                isCounter = expression.Payload.TrimEnd((byte)0).SequenceEqual("counter"u8);
            }
            else if (expression.Type == NFTA_EXPR_DATA && isCounter)
            {
                AttributeReader counter = expression.Nested();
                (packets, bytes) = ReadCounter(ref counter);
                expression.Absorb(counter);
            }
        }
    }

    /// <summary>Reads enum nft_counter_attributes: an element's counter and a named one look the same.</summary>
    public static (ulong Packets, ulong Bytes) ReadCounter(ref AttributeReader counter)
    {
        ulong packets = 0, bytes = 0;
        while (counter.Next())
        {
            if (counter.Type == NFTA_COUNTER_PACKETS) packets = counter.U64();
            else if (counter.Type == NFTA_COUNTER_BYTES) bytes = counter.U64();
        }

        return (packets, bytes);
    }
}
