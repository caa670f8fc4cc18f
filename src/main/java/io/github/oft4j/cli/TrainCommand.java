package io.github.oft4j.cli;

import io.github.oft4j.Device;
import io.github.oft4j.ForwardOptions;
import io.github.oft4j.OFTConfig;
import io.github.oft4j.OFTModel;
import io.github.oft4j.OFTModelInfo;
import io.github.oft4j.OFTScope;
import io.github.oft4j.RandomState;
import io.github.oft4j.ScriptModule;
import io.github.oft4j.train.Metric;
import io.github.oft4j.train.Step;
import io.github.oft4j.train.StepReport;
import io.github.oft4j.train.Trainer;
import io.github.oft4j.train.TrainingListener;
import io.github.oft4j.train.TrainingResult;
import java.nio.file.Path;
import java.util.List;
import picocli.CommandLine.ArgGroup;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code oft train}: adapts a TorchScript model to examples. */
@Command(
    name = "train",
    description = {
      "Trains an adapter for a TorchScript model. OUT becomes an adapter folder that PEFT reads,",
      "with a log and checkpoints beside the adapter."
    },
    abbreviateSynopsis = true,
    sortOptions = false)
final class TrainCommand extends ReportingSubcommand {
  private static final String ADAPTER = "default";

  @Spec private CommandSpec spec;

  @Parameters(index = "0", paramLabel = "MODEL.pt", description = "A TorchScript file.")
  private Path modelFile;

  @Parameters(
      index = "1",
      paramLabel = "DATA",
      description = {
        "JSON lines, {\"input\": [...], \"target\": 3}, where the input may be",
        "{\"name\": [...], ...}, too; or a .safetensors file with an example a row."
      })
  private Path dataFile;

  @Parameters(index = "2", paramLabel = "OUT", description = "The folder to write.")
  private Path out;

  @ArgGroup(validate = false, heading = "%nThe adapter, by the keys of PEFT's configuration:%n")
  private ConfigOptions adapter = new ConfigOptions();

  @ArgGroup(validate = false, heading = "%nData:%n")
  private DataOptions data = new DataOptions();

  @ArgGroup(validate = false, heading = "%nLearning:%n")
  private LearningOptions learning = new LearningOptions();

  @ArgGroup(validate = false, heading = "%nOutput:%n")
  private TrainOutput output = new TrainOutput();

  @Option(
      names = "--device",
      paramLabel = "NAME",
      defaultValue = "cpu",
      description = "Where to compute: cpu, cuda, cuda:0, ...; default: ${DEFAULT-VALUE}.")
  private String device;

  TrainCommand(Session session) {
    super(session);
  }

  @Override
  ExitCode execute() throws CliException {
    requireSense(data.contradiction());
    requireSense(learning.contradiction(data.isJudged()));
    OFTConfig config = adapter.config();
    DataOptions.Split split = data.open(dataFile, learning.seed());
    Device place = Device.parse(device);
    try (var scope = OFTScope.open()) {
      RandomState.seed(learning.seed());
      var base = ScriptModule.load(scope, modelFile, place, null);
      var model = OFTModel.create(base, config, ADAPTER);
      TrainReport report = train(model, data.exercise(place), split, config.warnings());
      print(report.toJson(), report::text);
    }
    return ExitCode.DONE;
  }

  private TrainReport train(
      OFTModel model, Exercise exercise, DataOptions.Split split, List<String> warnings)
      throws CliException {
    try (var step = newStep(model)) {
      exercise.check(step, split.data(), learning.batchSize());
      exercise.check(step, split.evaluation(), learning.batchSize());
    }
    Exercise.Score before;
    try (var _ = model.disabledAdapter()) {
      before = score(model, exercise, split);
    }
    output.prepare(out);
    TrainingResult result = fit(model, exercise, split);
    Exercise.Score after = score(model, exercise, split);
    OFTModelInfo info = model.info();
    List<String> files = output.write(out, model, modelFile);
    return new TrainReport(modelFile, out, split, info, result, before, after, files, warnings);
  }

  private TrainingResult fit(OFTModel model, Exercise exercise, DataOptions.Split split) {
    Trainer<int[]> trainer =
        Trainer.ofEpochs(
            model,
            epoch ->
                TrainingData.batches(
                    TrainingData.shuffled(split.trained(), learning.seed() + epoch),
                    learning.batchSize()),
            (step, examples) -> exercise.loss(step, split.data(), examples));
    learning.configure(trainer);
    output.configure(trainer, out);
    if (split.isJudged()) {
      trainer.evaluate(
          Metric.Goal.MINIMIZE,
          step ->
              exercise
                  .score(step, split.evaluation(), split.judged(), learning.batchSize())
                  .loss());
    }
    session.interruption().beginCancellableJob();
    try (var progress = Progress.of(Progress.Job.TRAIN, session, json)) {
      return trainer.listener(follow(progress)).fit();
    }
  }

  private TrainingListener follow(Progress progress) {
    return new TrainingListener() {
      @Override
      public boolean onStep(StepReport report) {
        progress.update(
            report.step(), report.totalSteps(), "loss " + TrainReport.number(report.loss()));
        return !session.interruption().requested();
      }
    };
  }

  /** Null where nothing is judged. */
  private Exercise.Score score(OFTModel model, Exercise exercise, DataOptions.Split split) {
    if (!split.isJudged()) {
      return null;
    }
    try (var step = newStep(model)) {
      return exercise.score(step, split.evaluation(), split.judged(), learning.batchSize());
    }
  }

  private static Step newStep(OFTModel model) {
    return new Step(model.scope().child(), model, ForwardOptions.defaults());
  }

  private void requireSense(String contradiction) {
    if (contradiction != null) {
      throw new ParameterException(spec.commandLine(), contradiction);
    }
  }
}
