package io.github.oft4j.cli;

import io.github.oft4j.OFT;
import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.PrintStream;
import java.io.PrintWriter;
import java.nio.charset.StandardCharsets;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Function;
import picocli.CommandLine;

/** The command line, {@code oft}. */
public final class Main {
  /** Whether to end without the destructors of libtorch: the script {@code oft} asks for it. */
  private static final String QUICK_EXIT = "oft4j.quick-exit";

  private static final Map<String, Function<Session, Subcommand>> COMMANDS = commands();

  private Main() {}

  /** In the order of the help. */
  private static Map<String, Function<Session, Subcommand>> commands() {
    var commands = new LinkedHashMap<String, Function<Session, Subcommand>>();
    commands.put("train", TrainCommand::new);
    commands.put("merge", MergeCommand::new);
    commands.put("info", InfoCommand::new);
    commands.put("check", CheckCommand::new);
    commands.put("convert", ConvertCommand::new);
    commands.put("blend", BlendCommand::new);
    commands.put("extract", ExtractCommand::new);
    commands.put("bench", BenchCommand::new);
    commands.put("bench-peer", BenchPeerCommand::new);
    commands.put("quickstart", QuickstartCommand::new);
    commands.put("version", VersionCommand::new);
    return commands;
  }

  /**
   * Runs one command and ends the process with an {@linkplain ExitCode exit code}.
   *
   * @param args the words of the command line
   */
  public static void main(String[] args) {
    System.setProperty("java.awt.headless", "true"); // a JDK without X11 can still draw
    // The locale may know no superscript T; every terminal and tool of today reads UTF-8.
    var out = utf8(FileDescriptor.out);
    var err = utf8(FileDescriptor.err);
    Optional<Thread> loading = needsLibrary(args) ? Optional.of(OFT.preload()) : Optional.empty();
    int code;
    try (var interruption = Interruption.onShutdown()) {
      code = run(args, new Session(out, err, Session.stderrIsTerminal(), interruption));
      if (out.checkError()) {
        err.println("oft: the output could not be written in full");
        code = ExitCode.IO.code();
      }
    }
    end(code, loading);
  }

  /** Whether the words name a command that will run; help needs no library. */
  private static boolean needsLibrary(String[] args) {
    var words = List.of(args);
    return !words.isEmpty()
        && COMMANDS.containsKey(words.getFirst())
        && !words.contains("-h")
        && !words.contains("--help");
  }

  private static void end(int code, Optional<Thread> loading) {
    if (Boolean.getBoolean(QUICK_EXIT)) {
      OFT.endProcess(code);
    }
    try {
      if (loading.isPresent()) {
        loading.get().join();
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
    System.exit(code);
  }

  static int run(String[] args, PrintStream out, PrintStream err) {
    return run(args, new Session(out, err, false, new Interruption()));
  }

  static int run(String[] args, Session session) {
    var failures = new FailureReporter(session, args);
    return commandLine(args, session)
        .setExecutionExceptionHandler((failure, command, _) -> failures.report(command, failure))
        .setParameterExceptionHandler((failure, _) -> failures.reportUsage(failure))
        .execute(args);
  }

  /** With the command that is wanted alone, since reading one takes picocli ten milliseconds. */
  private static CommandLine commandLine(String[] args, Session session) {
    var line = new CommandLine(new OftCommand(session));
    if (args.length > 0 && COMMANDS.containsKey(args[0])) {
      line.addSubcommand(args[0], COMMANDS.get(args[0]).apply(session));
    } else {
      COMMANDS.forEach((name, command) -> line.addSubcommand(name, command.apply(session)));
      line.addSubcommand(new CommandLine.HelpCommand());
    }
    return line.setExpandAtFiles(false) // a path may begin with @
        .setUsageHelpWidth(100)
        .setOut(new PrintWriter(session.out(), true))
        .setErr(new PrintWriter(session.err(), true));
  }

  private static PrintStream utf8(FileDescriptor descriptor) {
    return new PrintStream(new FileOutputStream(descriptor), true, StandardCharsets.UTF_8);
  }
}
