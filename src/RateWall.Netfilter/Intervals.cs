namespace RateWall.Netfilter;

/// <summary>
/// An interval set of the kernel (nft_set_rbtree) is a row of beginnings and ends, an end standing one past the last key.
/// An end may be missing: where the interval reaches the all-ones key, and where the next one begins right there.
/// </summary>
internal static class Intervals
{
    /// <summary>Joins beginnings and ends to intervals with inclusive last keys, ascending. Ends without a beginning are skipped.</summary>
    public static List<SetElement> Join(List<KernelElement> elements, TimeSpan? setTimeout)
    {
        elements.Sort(Order);
        var intervals = new List<SetElement>((elements.Count + 1) / 2);
        for (int i = 0; i < elements.Count; i++)
        {
            KernelElement first = elements[i];
            if (first.IsEnd) continue;
            byte[] last = i + 1 < elements.Count
                ? KeyArithmetic.Predecessor(elements[i + 1].Key)
                : KeyArithmetic.AllOnes(first.Key.Length);
            intervals.Add(first.ToSetElement(last, setTimeout));
        }

        return intervals;
    }

    private static int Order(KernelElement left, KernelElement right)
    {
        int order = left.Key.AsSpan().SequenceCompareTo(right.Key);
        return order != 0 ? order : right.IsEnd.CompareTo(left.IsEnd); // the end of one interval, then the next begins
    }
}
