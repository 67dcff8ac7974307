using System.CommandLine;
using System.CommandLine.Parsing;
using RateWall.Policy;

namespace RateWall.Commands;

/// <summary>Says what is wrong with a command line, and what was probably meant.</summary>
internal static class UsageProblems
{
    /// <summary>One sentence for each problem, at least one.</summary>
    public static IReadOnlyList<string> Of(ParseResult parsed)
    {
        Command command = parsed.CommandResult.Command;
        bool noVerb = command.Subcommands.Count > 0 && parsed.Errors.Count == 1;
        if (parsed.UnmatchedTokens.Count == 0 && noVerb) return ["a verb is missing"];
        if (parsed.UnmatchedTokens.Count == 0) return [.. parsed.Errors.Select(e => e.Message).Distinct(StringComparer.Ordinal)];

        // The first word that makes no sense is the cause; what the parser says of the rest follows from it.
        string word = parsed.UnmatchedTokens[0];
        if (word.StartsWith('-'))
        {
            IEnumerable<Option> options = command.Options.Concat(parsed.RootCommandResult.Command.Options.Where(o => o.Recursive));
            string[] names = [.. options.Where(o => !o.Hidden).Select(o => o.Name).Distinct(StringComparer.Ordinal)];
            string? near = Spelling.Nearest(word.TrimStart('-'), names.Select(n => n.TrimStart('-')));
            return [$"unknown option '{word}'{(near is null ? "" : $"; did you mean '--{near}'?")}"];
        }

        if (command.Subcommands.Count > 0)
        {
            string? near = Spelling.Nearest(word, command.Subcommands.Where(c => !c.Hidden).Select(c => c.Name));
            return [$"there is no verb '{word}'{(near is null ? "" : $"; did you mean '{near}'?")}"];
        }

        return [$"'{word}' is one word too many for '{command.Name}'"];
    }
}
