using System.Text;
using RateWall.Policy;

namespace RateWall.Wall;

/// <summary>
/// The templates a wall is rendered from: those that come with the program, and in place of some of them the operator's own
/// (*.nft in native-rules, beside the policy file).
/// </summary>
public sealed class WallTemplates
{
    private const string Resources = "native-rules/";
    private const int MostBytes = 256 * 1024;

    private readonly string? directory;
    private readonly Dictionary<string, NftTemplate> own;

    private WallTemplates(string? directory, Dictionary<string, NftTemplate> own)
    {
        this.directory = directory;
        this.own = own;
    }

    /// <summary>The templates that come with the program, and no others.</summary>
    public static WallTemplates BuiltIn { get; } = new(null, []);

    /// <summary>The names of all templates ("table.nft"), in ordinal order.</summary>
    public static IReadOnlyList<string> Names { get; } =
    [
        .. typeof(WallTemplates).Assembly.GetManifestResourceNames()
            .Where(n => n.StartsWith(Resources, StringComparison.Ordinal))
            .Select(n => n[Resources.Length..])
            .Order(StringComparer.Ordinal),
    ];

    /// <summary>The files that replace a built-in template, in ordinal order.</summary>
    public IReadOnlyList<string> Overrides => [.. own.Keys.Order(StringComparer.Ordinal).Select(n => Path.Combine(directory!, n))];

    /// <summary>Reads the operator's templates; a directory that is not there holds none.</summary>
    /// <exception cref="TemplateException">A file replaces nothing, is no text, or could have been written by others than
    /// root and the user who runs this.</exception>
    /// <exception cref="UnauthorizedAccessException">A file may not be read.</exception>
    /// <exception cref="IOException">The disk failed.</exception>
    public static WallTemplates Load(string directory)
    {
        if (!Directory.Exists(directory)) return BuiltIn;
        string[] paths = [.. Directory.EnumerateFiles(directory, "*.nft").Where(p => Path.GetFileName(p)[0] != '.').Order(StringComparer.Ordinal)];
        if (paths.Length == 0) return BuiltIn;
        MustBeOurs(directory);
        var replaced = new Dictionary<string, NftTemplate>(StringComparer.Ordinal);
        foreach (string path in paths)
        {
            string name = Path.GetFileName(path);
            if (!Names.Contains(name, StringComparer.Ordinal))
                throw new TemplateException($"{path}: there is no template of that name to replace; {ValueReader.Remedy(name, Names)}");
            replaced[name] = new NftTemplate(path, Read(path));
        }

        return new(directory, replaced);
    }

    /// <summary>The template of a name: the operator's, or the built-in one.</summary>
    /// <exception cref="TemplateException">There is none.</exception>
    public NftTemplate Find(string name) => own.GetValueOrDefault(name) ?? new NftTemplate(name, BuiltInText(name));

    /// <summary>A built-in template as it is shipped.</summary>
    /// <exception cref="TemplateException">There is none of that name.</exception>
    public static string BuiltInText(string name)
    {
        using Stream stream = typeof(WallTemplates).Assembly.GetManifestResourceStream(Resources + name)
            ?? throw new TemplateException($"there is no template '{name}'; {ValueReader.Remedy(name, Names)}");
        using var reader = new StreamReader(stream);
        return reader.ReadToEnd();
    }

    private static string Read(string path)
    {
        MustBeOurs(path);
        byte[] bytes = OperatorFile.Read(path, MostBytes, out string? fault) ?? [];
        if (fault is null && bytes.Length > MostBytes) fault = $"longer than {MostBytes} bytes, which no template is";
        if (fault is not null) throw new TemplateException($"{path}: {fault}");
        try
        {
            string text = new UTF8Encoding(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true).GetString(bytes);
            int bad = text.AsSpan().IndexOfAnyInRange('\0', '\u0008');
            return bad < 0 ? text : throw new TemplateException($"{path}:{text.AsSpan(0, bad).Count('\n') + 1}: a control character; save it as plain text");
        }
        catch (DecoderFallbackException)
        {
            throw new TemplateException($"{path}: not UTF-8; save it as UTF-8");
        }
    }

    // What stands in a template runs in the kernel with root's power.
    private static void MustBeOurs(string path)
    {
        if (OperatorFile.OthersMayWrite(path) is { } who) throw new TemplateException($"{path}: {who}");
    }
}
