package io.github.oft4j.cli;

import io.github.oft4j.CheckpointMerge;
import io.github.oft4j.DType;
import io.github.oft4j.MergeReport;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.List;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code oft merge}: writes a checkpoint into which adapters are merged. */
@Command(
    name = "merge",
    description =
        "Merges adapters into the weights of a checkpoint. OUT appears whole or not at all.",
    sortOptions = false)
final class MergeCommand extends ReportingSubcommand {
  @Spec private CommandSpec spec;

  @Parameters(
      index = "0",
      paramLabel = "BASE",
      description = "A .safetensors file, a model's folder (shards too), or a diffusers pipeline.")
  private Path base;

  @Parameters(
      index = "1..*",
      arity = "2..*",
      paramLabel = "ADAPTER... OUT",
      hideParamSyntax = true,
      converter = AdapterArgument.Converter.class,
      description = {
        "Adapters, in the order in which a forward applies them; for a pipeline as",
        "COMPONENT=ADAPTER, for example unet=..., or for the component that fits.",
        "Both may also be org/name[@revision], looked up in the Hugging Face cache.",
        "Then what to write: a file where BASE is one, else a folder."
      })
  private List<AdapterArgument> adaptersAndTarget;

  @Option(names = "--safe", description = "Refuse weights that are not finite after the merge.")
  private boolean safe;

  @Option(
      names = "--dtype",
      paramLabel = "TYPE",
      converter = FloatingType.class,
      description = "Write all weights as float16, bfloat16, float32 or float64.")
  private DType dtype;

  @Option(
      names = "--device",
      paramLabel = "NAME",
      description = "Where to rotate: cpu, cuda, cuda:0, ...; default: cpu.")
  private String device;

  @Option(
      names = "--threads",
      paramLabel = "N",
      description = "How many threads rotate; default, and most: as many as libtorch has.")
  private Integer threads;

  @Option(
      names = "--max-shard-size",
      paramLabel = "SIZE",
      converter = ByteSize.class,
      description = "Largest file to write, like 5GB or 500MiB; default: the shards of BASE.")
  private Long maxShardSize;

  @Option(
      names = "--verify",
      description = "Recompute a sample of the layers in float64 and compare.")
  private boolean verify;

  @Option(
      names = "--force",
      description = "Go on past adapter layers without a weight, unused keys, an existing OUT.")
  private boolean force;

  @Option(
      names = "--no-sync",
      description = "Do not wait until the disk has the bytes: faster, unsafe in a power cut.")
  private boolean noSync;

  MergeCommand(Session session) {
    super(session);
  }

  @Override
  ExitCode execute() {
    List<AdapterArgument> adapters = adaptersAndTarget.subList(0, adaptersAndTarget.size() - 1);
    checkComponents(adapters);
    Path target = target(adaptersAndTarget.getLast());
    CheckpointMerge merge = configure(adapters);
    session.interruption().beginCancellableJob();
    MergeReport report;
    try (var progress = Progress.of(Progress.Job.MERGE, session, json)) {
      report =
          merge
              .progress(
                  (done, total) -> {
                    progress.update(done, total, "");
                    return !session.interruption().requested();
                  })
              .writeTo(target);
    }
    print(report.json(), () -> MergeSummary.of(base, adapters, target, report));
    return verify && !report.verified() ? ExitCode.CHECK_FAILED : ExitCode.DONE;
  }

  /** Two adapters for a component are meant where they differ. */
  private void checkComponents(List<AdapterArgument> adapters) {
    var seen = new HashSet<AdapterArgument>();
    for (AdapterArgument adapter : adapters) {
      if (adapter.namesComponent() && !seen.add(adapter)) {
        throw new ParameterException(spec.commandLine(), adapter + " is given twice");
      }
    }
  }

  private Path target(AdapterArgument last) {
    if (last.namesComponent() && Files.exists(last.path())) {
      throw new ParameterException(
          spec.commandLine(), "missing OUT: the last word, " + last + ", is an adapter");
    }
    return Path.of(last.word());
  }

  private CheckpointMerge configure(List<AdapterArgument> adapters) {
    var merge = CheckpointMerge.of(base).sync(!noSync);
    adapters.forEach(adapter -> merge.adapter(adapter.component(), adapter.path()));
    if (safe) {
      merge.safe();
    }
    if (force) {
      merge.force();
    }
    if (verify) {
      merge.verify();
    }
    if (dtype != null) {
      merge.dtype(dtype);
    }
    if (device != null) {
      merge.device(device);
    }
    if (maxShardSize != null) {
      merge.maxShardSize(maxShardSize);
    }
    if (threads != null) {
      if (threads < 1) {
        throw new ParameterException(
            spec.commandLine(),
            "--threads is " + threads + ": give 1 or more, or leave it out for all");
      }
      merge.threads(threads);
    }
    return merge;
  }
}
