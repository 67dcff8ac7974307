using System.Net;
using static RateWall.Netfilter.KernelHeaders;

namespace RateWall.Netfilter;

/// <summary>How a set's kind wants an element written.</summary>
internal enum ElementForm
{
    /// <summary>A hash or a bitmap: the key alone.</summary>
    Single,

    /// <summary>An interval set: an element where the interval begins, and an end element one past its last key.</summary>
    Interval,

    /// <summary>Concatenated ranges (nft_set_pipapo): first and last key in one element.</summary>
    Range,
}

/// <summary>What the client has to know of a set to write and read its elements.</summary>
/// <param name="Description">The set as the kernel describes it.</param>
/// <param name="Form">How its elements are written.</param>
internal sealed record SetShape(SetDescription Description, ElementForm Form)
{
    // nft's own numbers (its enum datatypes), which it stores in NFTA_SET_KEY_TYPE for itself; used for texts only.
    private const uint TYPE_IPADDR = 7;
    private const uint TYPE_IP6ADDR = 8;

    public bool IsAnonymous => (Description.Flags & NFT_SET_ANONYMOUS) != 0;

    public int KeyLength => (int)Description.KeyLength;

    /// <summary>A key for an operator's eyes: an address where nft says it is one, else hexadecimal.</summary>
    public string Display(ReadOnlySpan<byte> key) => (Description.KeyType, key.Length) switch
    {
        (TYPE_IPADDR, 4) or (TYPE_IP6ADDR, 16) => new IPAddress(key).ToString(),
        _ => "0x" + Convert.ToHexStringLower(key),
    };

    /// <summary>Reads NFT_MSG_NEWSET.</summary>
    /// <param name="attributes">The message's attributes; its fault is the caller's to look at.</param>
    /// <param name="table">The table the set is in.</param>
    public static SetShape Read(ref AttributeReader attributes, out string table)
    {
        table = "";
        string name = "";
        uint flags = 0, keyType = 0, keyLength = 0, fields = 0;
        uint? size = null, count = null;
        ulong timeout = 0;
        bool counted = false;
        while (attributes.Next())
        {
            switch (attributes.Type)
            {
                case NFTA_SET_TABLE: table = attributes.Text(); break;
                case NFTA_SET_NAME: name = attributes.Text(); break;
                case NFTA_SET_FLAGS: flags = attributes.U32(); break;
                case NFTA_SET_KEY_TYPE: keyType = attributes.U32(); break;
                case NFTA_SET_KEY_LEN: keyLength = attributes.U32(); break;
                case NFTA_SET_TIMEOUT: timeout = attributes.U64(); break;
                case NFTA_SET_COUNT: count = attributes.U32(); break;
                case NFTA_SET_EXPR:
                    counted |= IsCounter(ref attributes);
                    break;
                case NFTA_SET_EXPRESSIONS:
                    AttributeReader list = attributes.Nested();
                    while (list.Next()) counted |= IsCounter(ref list);
                    attributes.Absorb(list);
                    break;
                case NFTA_SET_DESC: (size, fields) = ReadDescription(ref attributes); break;
            }
        }

        if (attributes.Fault is null && (name.Length == 0 || keyLength is 0 or > NFT_DATA_VALUE_MAXLEN))
            attributes.Fail($"a set \"{name}\" with keys of {keyLength} bytes");

        ElementForm form = (flags & NFT_SET_INTERVAL) == 0 ? ElementForm.Single
            : (flags & NFT_SET_CONCAT) != 0 || fields > 1 ? ElementForm.Range
            : ElementForm.Interval;
        return new(new(name, flags, keyType, keyLength, size, Milliseconds.ToTimeSpan(timeout), count) { Counted = counted }, form);
    }

    private static bool IsCounter(ref AttributeReader wrapper)
    {
        bool found = false;
        AttributeReader expression = wrapper.Nested();
        while (expression.Next()) found |= expression.Type == NFTA_EXPR_NAME && expression.Payload.TrimEnd((byte)0).SequenceEqual("counter"u8);
        wrapper.Absorb(expression);
        return found;
    }

    private static (uint? Size, uint Fields) ReadDescription(ref AttributeReader attributes)
    {
        uint? size = null;
        uint fields = 0;
        AttributeReader description = attributes.Nested();
        while (description.Next())
        {
            if (description.Type == NFTA_SET_DESC_SIZE)
            {
                size = description.U32();
            }
            else if (description.Type == NFTA_SET_DESC_CONCAT)
            {
                AttributeReader list = description.Nested();
                while (list.Next()) fields++;
                description.Absorb(list);
            }
        }

        attributes.Absorb(description);
        return (size is 0 ? null : size, fields);
    }
}
