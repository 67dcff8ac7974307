namespace RateWall.Wall;

/// <summary>Small files of the state directory that are replaced whole: a crash leaves the old one or the new one.</summary>
internal static class StateFile
{
    public static void Replace(string path, ReadOnlySpan<byte> content)
    {
        string fresh = path + ".new";
        using (var file = new FileStream(fresh, FileMode.Create, FileAccess.Write))
        {
            file.Write(content);
            file.Flush(flushToDisk: true);
        }

        File.Move(fresh, path, overwrite: true);
    }
}
