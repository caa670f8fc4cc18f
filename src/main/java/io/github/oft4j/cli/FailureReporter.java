package io.github.oft4j.cli;

import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import io.github.oft4j.OFTException;
import java.util.List;
import java.util.stream.Collectors;
import picocli.CommandLine;
import picocli.CommandLine.MissingParameterException;
import picocli.CommandLine.Model.ArgSpec;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.UnmatchedArgumentException;

/**
 * Tells the user about a failure: one line on stderr, with {@code --json} also a document on
 * stdout, with {@code --debug} also a stack trace.
 */
final class FailureReporter {
  private final Session session;
  private final boolean json;
  private final boolean debug;

  /** Looks for its options in the raw words, because they may be what picocli cannot parse. */
  FailureReporter(Session session, String[] args) {
    this.session = session;
    var words = List.of(args);
    json = words.contains("--json");
    debug = words.contains("--debug") || System.getenv("OFT_DEBUG") != null;
  }

  int report(CommandLine command, Throwable failure) {
    Throwable root = failure.getCause() instanceof Error error ? error : failure;
    return report(command, ExitCode.of(root), messageOf(root), root);
  }

  int reportUsage(ParameterException failure) {
    CommandLine command = failure.getCommandLine();
    String help = " (see '" + command.getCommandSpec().qualifiedName() + " --help')";
    return report(command, ExitCode.USAGE, usageMessage(failure) + help, failure);
  }

  private int report(CommandLine command, ExitCode exitCode, String message, Throwable failure) {
    String line = message.strip().replaceAll("\\s*\\R\\s*", "; ");
    session.err().println(command.getCommandSpec().qualifiedName() + ": " + line);
    if (debug) {
      failure.printStackTrace(session.err());
    }
    if (json) {
      var document = JsonNodeFactory.instance.objectNode();
      document
          .putObject("error")
          .put("command", command.getCommandSpec().qualifiedName())
          .put("kind", exitCode.jsonName())
          .put("exit_code", exitCode.code())
          .put("message", line);
      session.out().println(document.toPrettyString());
    }
    return exitCode.code();
  }

  private static String messageOf(Throwable failure) {
    return failure instanceof OFTException || failure instanceof CliException
        ? failure.getMessage()
        : "a defect, please report it with the trace that --debug prints: " + failure;
  }

  private static String usageMessage(ParameterException failure) {
    return switch (failure) {
      case UnmatchedArgumentException unmatched -> unmatchedMessage(unmatched);
      case MissingParameterException missing
          when missing.getMissing().stream().allMatch(ArgSpec::isPositional) ->
          missing.getMissing().stream()
              .map(ArgSpec::paramLabel)
              .collect(Collectors.joining(" ", "missing ", ""));
      default -> lowerCaseFirst(failure.getMessage());
    };
  }

  private static String unmatchedMessage(UnmatchedArgumentException unmatched) {
    boolean isCommand =
        !unmatched.isUnknownOption() && unmatched.getCommandLine().getParent() == null;
    String message =
        isCommand
            ? "unknown command '" + unmatched.getUnmatched().getFirst() + "'"
            : lowerCaseFirst(unmatched.getMessage());
    return unmatched.getSuggestions().isEmpty()
        ? message
        : message
            + unmatched.getSuggestions().stream()
                .collect(Collectors.joining("' or '", "; did you mean '", "'?"));
  }

  private static String lowerCaseFirst(String text) {
    return Character.toLowerCase(text.charAt(0)) + text.substring(1);
  }
}
