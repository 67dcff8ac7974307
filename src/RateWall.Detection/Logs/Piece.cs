using System.Text;

namespace RateWall.Detection.Logs;

/// <summary>What a piece of a template is.</summary>
internal enum PieceKind
{
    /// <summary>Bytes as they stand.</summary>
    Literal,

    /// <summary>A hole with a byte class.</summary>
    Typed,

    /// <summary>A name a client chose: hostile, and the user.</summary>
    User,

    /// <summary>Other text a client chose: hostile.</summary>
    Text,

    /// <summary>Text of the daemon's own.</summary>
    Calm,

    /// <summary>The keys of the rest of the line, in any order.</summary>
    Fields,
}

/// <summary>What is noted of what a typed hole holds.</summary>
internal enum PieceNote : byte
{
    /// <summary>Nothing: it means nothing here.</summary>
    None,

    /// <summary>An address.</summary>
    Address,

    /// <summary>An address with its port.</summary>
    Peer,

    /// <summary>How many tries the line stands for.</summary>
    Count,

    /// <summary>The name of a session.</summary>
    Session,

    /// <summary>Where a stamp begins.</summary>
    Stamp,
}

/// <summary>One piece of a template, after its options were expanded.</summary>
internal sealed record Piece(PieceKind Kind)
{
    private readonly Literal literal = new([]);

    /// <summary>The bytes of a literal.</summary>
    public byte[] Literal
    {
        get => literal.Bytes;
        init => literal = new(value);
    }

    /// <summary>The same, as it is compared with messages.</summary>
    public ref readonly Literal Fixed => ref literal;

    /// <summary>The class of a typed hole.</summary>
    public ByteClass? Class
    {
        get;
        init
        {
            field = value;
            Note = value == ByteClass.Address ? PieceNote.Address
                : value == ByteClass.Peer ? PieceNote.Peer
                : value == ByteClass.Count ? PieceNote.Count
                : value == ByteClass.Session ? PieceNote.Session
                : value == ByteClass.Stamp ? PieceNote.Stamp
                : PieceNote.None;
        }
    }

    /// <summary>The bag.</summary>
    public FieldBag? Fields { get; init; }

    /// <summary>
    /// The byte that ends the hole although its class holds it: the colon in "from {address}: ". The run is taken whole
    /// and gives this one byte back, so there is still only one reading.
    /// </summary>
    public byte GivesBack { get; init; }

    /// <summary>True for {user}, {text} and {calm}.</summary>
    public bool IsFree => Kind is PieceKind.User or PieceKind.Text or PieceKind.Calm;

    /// <summary>True for text a client chose.</summary>
    public bool IsHostile => Kind is PieceKind.User or PieceKind.Text;

    /// <summary>What is noted of a typed hole.</summary>
    public PieceNote Note { get; private init; }

    /// <summary>True for {address} and {peer}.</summary>
    public bool IsAddress => Note is PieceNote.Address or PieceNote.Peer;

    /// <summary>A literal piece.</summary>
    public static Piece Of(string literal) => new(PieceKind.Literal) { Literal = Encoding.UTF8.GetBytes(literal) };

    /// <summary>The piece as a template writes it.</summary>
    public override string ToString() => Kind switch
    {
        PieceKind.Literal => Encoding.UTF8.GetString(Literal),
        PieceKind.Typed => $"{{{Class!.Name}}}",
        PieceKind.Fields => "fields(...)",
        PieceKind.User => "{user}",
        PieceKind.Text => "{text}",
        _ => "{calm}",
    };
}
