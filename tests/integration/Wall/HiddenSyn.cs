using System.Net;

namespace RateWall.IntegrationTests.Wall;

/// <summary>A SYN in one or more packets, made to be overlooked.</summary>
/// <param name="Name">How it hides.</param>
/// <param name="Arrives">
/// True: without a wall the host takes it for a SYN. False: kernels differ; some discard it themselves.
/// </param>
/// <param name="CountedAsFragment">True: with a wall one of its packets at least is counted as hiding the header.</param>
/// <param name="Packets">Makes the packets.</param>
internal sealed record HiddenSyn(string Name, bool Arrives, bool CountedAsFragment, Func<IPAddress, byte[][]> Packets)
{
    private const int Port = 22;

    public static IReadOnlyList<HiddenSyn> Ip4 { get; } =
    [
        new("whole", true, false, source => [Whole4(source, 0)]),
        new("whole behind IP options", true, false, source => [Whole4(source, 40)]),
        new("first fragment 8 bytes", true, true, source => Cut4(source, 0, 8)),
        new("first fragment 16 bytes", true, true, source => Cut4(source, 0, 16)),
        new("first fragment 24 bytes", true, true, source => Cut4(source, 0, 24)),
        new("first fragment 64 bytes", true, false, source => Cut4(source, 0, 64)),
        new("three fragments of 8 bytes", true, true, source => Cut4(source, 0, 8, 16)),
        new("first fragment last", true, true, source => [.. Cut4(source, 0, 8).Reverse()]),
        new("first fragment 8 bytes behind IP options", true, true, source => Cut4(source, 40, 8)),
        new("first fragment 16 bytes behind IP options", true, true, source => Cut4(source, 40, 16)),
        new("first fragment 24 bytes behind IP options", true, false, source => Cut4(source, 40, 24)),
        new("second fragment overwrites an ACK", false, true, source => Overwritten4(source, 8)),
        new("second first fragment overwrites an ACK", false, false, source => Overwritten4(source, 0)),
    ];

    public static IReadOnlyList<HiddenSyn> Ip6 { get; } =
    [
        new("whole", true, false, source => [In6(source, TcpPacket.Tcp, Segment(source))]),
        new("whole behind hop-by-hop options", true, false, source =>
            [In6(source, TcpPacket.HopByHop, TcpPacket.Options6(TcpPacket.Tcp, Segment(source)))]),
        new("whole behind destination options", true, false, source =>
            [In6(source, TcpPacket.DestinationOptions, TcpPacket.Options6(TcpPacket.Tcp, Segment(source)))]),
        new("whole behind 248 bytes of destination options", true, false, source =>
            [In6(source, TcpPacket.DestinationOptions, TcpPacket.Options6(TcpPacket.Tcp, Segment(source), 248))]),
        new("whole behind two kinds of options", true, false, source =>
            [In6(source, TcpPacket.HopByHop, TcpPacket.Options6(TcpPacket.DestinationOptions, TcpPacket.Options6(TcpPacket.Tcp, Segment(source))))]),
        new("the only fragment", true, false, source => Cut6(source, Plain)),
        new("the only fragment, behind hop-by-hop options", true, false, source => Cut6(source, HopByHop)),
        new("the only fragment, destination options in it", true, false, source => Cut6(source, OptionsInside)),
        new("a fragment header in a fragment", false, false, source =>
            [In6(source, TcpPacket.FragmentHeader, TcpPacket.Fragment6(
                TcpPacket.FragmentHeader, TcpPacket.Fragment6(TcpPacket.Tcp, Segment(source), 0, more: false), 0, more: false))]),
        new("first fragment 8 bytes", false, true, source => Cut6(source, Plain, 8)),
        new("first fragment 16 bytes", false, true, source => Cut6(source, Plain, 16)),
        new("first fragment 24 bytes", true, false, source => Cut6(source, Plain, 24)),
        new("first fragment last", true, false, source => [.. Cut6(source, Plain, 24).Reverse()]),
        new("short first fragment last", false, true, source => [.. Cut6(source, Plain, 8).Reverse()]),
        new("first fragment 24 bytes behind hop-by-hop options", true, false, source => Cut6(source, HopByHop, 24)),
        new("first fragment 24 bytes behind destination options", true, false, source => Cut6(source, OptionsBefore, 24)),
        new("first fragment 8 bytes behind hop-by-hop options", false, true, source => Cut6(source, HopByHop, 8)),
        new("first fragment 8 bytes behind 72 bytes of destination options", false, true, source => Cut6(source, OptionsBefore, 8)),
        new("first fragment all options, TCP in the second", false, true, source => Cut6(source, OptionsInside, 72)),
        new("first fragment ends within its options", false, true, source => Cut6(source, OptionsInside, 64)),
        new("first fragment of options and all of TCP", true, false, source => Cut6(source, OptionsInside, 96)),
        new("second fragment overwrites an ACK", false, false, Overwritten6),
    ];

    private delegate (byte First, byte[] Part, Func<byte[], byte[]> Before) Shape(IPAddress source);

    private static byte[] Segment(IPAddress source, byte flags = TcpPacket.SynFlag) =>
        TcpPacket.Segment(source, TunHost.Near(source), TunHost.SourcePort, Port, flags, dataBytes: 100);

    private static byte[] Whole4(IPAddress source, int optionBytes) =>
        TcpPacket.Fragment4(source, TunHost.Near(source), TcpPacket.Tcp, Segment(source), 0, more: false, optionBytes);

    private static byte[][] Cut4(IPAddress source, int optionBytes, params int[] cuts) => [.. Parts(Segment(source), cuts).Select(p =>
        TcpPacket.Fragment4(source, TunHost.Near(source), TcpPacket.Tcp, p.Bytes, p.Offset, p.More, optionBytes))];

    private static byte[][] Overwritten4(IPAddress source, int offset)
    {
        byte[] syn = Segment(source);
        IPAddress target = TunHost.Near(source);
        return
        [
            TcpPacket.Fragment4(source, target, TcpPacket.Tcp, Segment(source, TcpPacket.AckFlag).AsSpan(0, 64), 0, more: true),
            TcpPacket.Fragment4(source, target, TcpPacket.Tcp, syn.AsSpan(offset, 64 - offset), offset, more: true),
            TcpPacket.Fragment4(source, target, TcpPacket.Tcp, syn.AsSpan(64), 64, more: false),
        ];
    }

    private static byte[] In6(IPAddress source, byte nextHeader, byte[] payload) =>
        TcpPacket.Ip6(source, TunHost.Near(source), nextHeader, payload);

    private static (byte, byte[], Func<byte[], byte[]>) Plain(IPAddress source) =>
        (TcpPacket.Tcp, Segment(source), fragment => In6(source, TcpPacket.FragmentHeader, fragment));

    private static (byte, byte[], Func<byte[], byte[]>) HopByHop(IPAddress source) =>
        (TcpPacket.Tcp, Segment(source), fragment => In6(source, TcpPacket.HopByHop, TcpPacket.Options6(TcpPacket.FragmentHeader, fragment)));

    private static (byte, byte[], Func<byte[], byte[]>) OptionsBefore(IPAddress source) =>
        (TcpPacket.Tcp, Segment(source), fragment =>
            In6(source, TcpPacket.DestinationOptions, TcpPacket.Options6(TcpPacket.FragmentHeader, fragment, 72)));

    private static (byte, byte[], Func<byte[], byte[]>) OptionsInside(IPAddress source) =>
        (TcpPacket.DestinationOptions, TcpPacket.Options6(TcpPacket.Tcp, Segment(source), 72), fragment => In6(source, TcpPacket.FragmentHeader, fragment));

    private static byte[][] Cut6(IPAddress source, Shape shape, params int[] cuts)
    {
        (byte first, byte[] part, Func<byte[], byte[]> before) = shape(source);
        return [.. Parts(part, cuts).Select(p => before(TcpPacket.Fragment6(first, p.Bytes, p.Offset, p.More)))];
    }

    private static byte[][] Overwritten6(IPAddress source)
    {
        byte[] syn = Segment(source);
        byte[] Fragment(ReadOnlySpan<byte> bytes, int offset, bool more) =>
            In6(source, TcpPacket.FragmentHeader, TcpPacket.Fragment6(TcpPacket.Tcp, bytes, offset, more));
        return
        [
            Fragment(Segment(source, TcpPacket.AckFlag).AsSpan(0, 64), 0, more: true),
            Fragment(syn.AsSpan(8, 56), 8, more: true),
            Fragment(syn.AsSpan(64), 64, more: false),
        ];
    }

    private static IEnumerable<(byte[] Bytes, int Offset, bool More)> Parts(byte[] whole, int[] cuts)
    {
        int[] bounds = [0, .. cuts, whole.Length];
        return Enumerable.Range(0, bounds.Length - 1).Select(i => (whole[bounds[i]..bounds[i + 1]], bounds[i], i < bounds.Length - 2));
    }
}
