namespace RateWall.Detection.Correlation;

/// <summary>
/// Attempts that are counted a little later than they come, many at once. What is known of their sources lies where no cache
/// holds it, one place names the next, and to look there is to wait; among many what the next ones need is asked for while
/// one is counted. And reading a log and counting need not push each other's code out of the caches line by line.
/// </summary>
public sealed partial class Correlator
{
    // How far ahead of the attempt that is counted those are whose place in the table is asked for, whose row, and what the
    // row names.
    private const int PlaceLead = 12;
    private const int RowLead = 8;
    private const int NamedLead = 4;

    private readonly ObservedTry[] ahead = new ObservedTry[256];
    private ICollection<Offence> aheadInto = [];
    private int aheadCount;

    /// <summary>
    /// Takes one attempt as <see cref="Observe(in Attempt, ICollection{Offence})"/> does, but counts it only when many more
    /// have come, or when <see cref="Finish"/> is called or anything else is asked for. What comes of it is the same.
    /// </summary>
    /// <param name="attempt">The attempt.</param>
    /// <param name="offences">Where its offences go, sooner or later.</param>
    public void Enqueue(in Attempt attempt, ICollection<Offence> offences)
    {
        ArgumentNullException.ThrowIfNull(offences);
        if (!ReferenceEquals(offences, aheadInto))
        {
            Finish();
            aheadInto = offences;
        }

        if (Take(attempt, ref ahead[aheadCount]) && ++aheadCount == ahead.Length) Finish();
    }

    /// <summary>Counts what <see cref="Enqueue"/> took.</summary>
    public void Finish()
    {
        if (aheadCount == 0) return;
        int count = aheadCount;
        aheadCount = 0;
        for (int i = -PlaceLead; i < count; i++)
        {
            if (i + PlaceLead < count) sources.AskForPlace(ahead[i + PlaceLead].Hash);
            // As unsigned numbers those before the first are beyond the last.
            if ((uint)(i + RowLead) < (uint)count) ahead[i + RowLead].Source = sources.Guess(ahead[i + RowLead].Hash);
            if ((uint)(i + NamedLead) < (uint)count) AskForRows(ref ahead[i + NamedLead]);
            if (i >= 0) Count(ref ahead[i], aheadInto);
        }
    }

    private void AskForRows(ref ObservedTry made)
    {
        if (made.Source < 0) return;
        ref SourceRow who = ref sources[made.Source];
        if (!who.IsOf(made.Key))
        {
            made.Source = -1;
            return;
        }

        who.Window.Ask(tries);
        if (who.OtherWindow != 0) MemoryAhead.Ask(ref otherWindows[who.OtherWindow - 1]);
        if (who.Trust == 0) return;
        MemoryAhead.Ask(ref trust[who.Trust - 1]);
        logins.AskForPlace(LoginRow.HashOf(made.User, made.Source));
    }
}
