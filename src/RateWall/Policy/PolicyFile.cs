namespace RateWall.Policy;

/// <summary>A policy file as it was found: its bytes are hostile until they have been read.</summary>
/// <param name="Path">Its name in problems and origins.</param>
/// <param name="Bytes">At most one byte more than a policy file may have.</param>
public sealed record PolicyFile(string Path, ReadOnlyMemory<byte> Bytes);
