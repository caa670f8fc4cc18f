package io.github.oft4j.bench;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import io.github.oft4j.OFTConfig;
import io.github.oft4j.OFTModel;
import io.github.oft4j.OFTScope;
import io.github.oft4j.Optimizer;
import io.github.oft4j.Rotation;
import io.github.oft4j.ScriptModule;
import io.github.oft4j.Tensor;
import io.github.oft4j.internal.ffm.OftC;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.annotations.Warmup;

/**
 * What a service does for each request and a training loop in each step, around a network of three
 * small linear layers: forwards of the module and of the adapted model, a step of an optimizer over
 * one parameter, the scope of a step.
 */
@State(Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@Fork(1)
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 5, time = 1)
public class ModelBenchmark {
  private static final int FEATURES = 16;
  private static final String TARGETS = "[\"fc1\", \"fc2\"]";
  private static final String SGD =
      "{\"type\": \"SGD\", \"groups\": [{\"count\": 1, \"lr\": 0.5}]}";

  private Border border;
  private OFTScope scope;
  private ScriptModule script;
  private OFTModel model;
  private Rotation rotation;
  private Optimizer optimizer;
  private Tensor parameter;
  private Tensor x;
  private MemorySegment cScript;
  private MemorySegment cModel;
  private MemorySegment cOptimizer;
  private MemorySegment cParameter;
  private MemorySegment cX;
  private MemorySegment method;
  private MemorySegment args;

  @Setup
  public void open() {
    border = new Border();
    scope = OFTScope.open();
    args = border.arena.allocate(ADDRESS, 1);
    method = border.text("forward");
    openFacade();
    openC();
    requireEqual(script.forward(x), cForward(false));
    requireEqual(model.forward(x), cForward(true));
    facadeStep();
    cStep();
    Border.requireEqual(parameter.item(), border.first(cParameter));
  }

  private void openFacade() {
    script = ScriptModule.load(scope, file());
    script.eval();
    var config = OFTConfig.builder().targetModules("fc1", "fc2").oftBlockSize(8).build();
    model = OFTModel.create(script, config);
    x = Tensor.of(scope, input(), 1, FEATURES);
    rotation = Rotation.of(scope, Tensor.zeros(scope, x.dtype(), 2, 28), FEATURES, config);
    parameter = Tensor.of(scope, new float[] {2}, 1).requireGrad(true);
    parameter.mul(parameter).sum().backward();
    optimizer = Optimizer.sgd(List.of(parameter), 0.5, 0);
  }

  private void openC() {
    MemorySegment path = border.text(file().toString());
    MemorySegment cpu = border.text("cpu");
    MemorySegment name = border.text("default");
    MemorySegment json =
        border.text("{\"target_modules\": " + TARGETS + ", \"oft_block_size\": 8}");
    MemorySegment config =
        border.made(
            OftC.oft_config_parse(
                json, json.byteSize(), OftC.OFT_CONFIG_USER(), border.out, border.error));
    cScript =
        border.made(
            OftC.oft_script_load(
                path, path.byteSize(), cpu, cpu.byteSize(), -1, border.out, border.error));
    Border.check(OftC.oft_script_train(cScript, 0, border.error));
    cModel =
        border.made(
            OftC.oft_model_create(
                cScript,
                config,
                name,
                name.byteSize(),
                MemorySegment.NULL,
                0,
                border.out,
                border.error));
    OftC.oft_config_destroy(config);
    cX = border.tensor(border.arena.allocateFrom(JAVA_LONG, 1, FEATURES), input());
    openCOptimizer();
  }

  private void openCOptimizer() {
    cParameter = border.tensor(2);
    Border.check(OftC.oft_tensor_set_requires_grad(cParameter, 1, border.error));
    MemorySegment multiply = border.text("aten::mul.Tensor");
    MemorySegment value =
        border.made(OftC.oft_value_from_tensor(cParameter, border.out, border.error));
    MemorySegment operands = border.arena.allocate(ADDRESS, 2);
    operands.setAtIndex(ADDRESS, 0, value);
    operands.setAtIndex(ADDRESS, 1, value);
    MemorySegment square =
        border.made(
            OftC.oft_operator_call(
                multiply,
                multiply.byteSize(),
                operands,
                2,
                MemorySegment.NULL,
                border.out,
                border.error));
    MemorySegment loss = border.made(OftC.oft_value_to_tensor(square, border.out, border.error));
    Border.check(OftC.oft_tensor_backward(loss, MemorySegment.NULL, 0, border.error));
    OftC.oft_tensor_destroy(loss);
    OftC.oft_value_destroy(square);
    OftC.oft_value_destroy(value);
    MemorySegment spec = border.text(SGD);
    args.set(ADDRESS, 0, cParameter);
    cOptimizer =
        border.made(
            OftC.oft_optimizer_create(spec, spec.byteSize(), args, 1, border.out, border.error));
  }

  private void requireEqual(Tensor facade, MemorySegment c) {
    Border.requireEqual(facade.toFloatArray()[0], border.first(c));
    OftC.oft_tensor_destroy(c);
  }

  private static Path file() {
    return Path.of(System.getProperty("oft4j.testData"), "scripts", "mlp_scripted.pt");
  }

  private static float[] input() {
    float[] elements = new float[FEATURES];
    for (int i = 0; i < FEATURES; i++) {
      elements[i] = (float) Math.sin(i + 1);
    }
    return elements;
  }

  @TearDown
  public void close() {
    OftC.oft_optimizer_destroy(cOptimizer);
    OftC.oft_model_destroy(cModel);
    OftC.oft_script_destroy(cScript);
    OftC.oft_tensor_destroy(cParameter);
    OftC.oft_tensor_destroy(cX);
    scope.close();
    border.close();
  }

  @Benchmark
  public void facadeScriptForward() {
    script.forward(x).close();
  }

  @Benchmark
  public void cScriptForward() {
    OftC.oft_tensor_destroy(cForward(false));
  }

  @Benchmark
  public void facadeModelForward() {
    model.forward(x).close();
  }

  @Benchmark
  public void cModelForward() {
    OftC.oft_tensor_destroy(cForward(true));
  }

  @Benchmark
  public void facadeStep() {
    optimizer.step();
  }

  @Benchmark
  public void cStep() {
    Border.check(OftC.oft_optimizer_step(cOptimizer, border.error));
  }

  /** Has no counterpart in C: who owns what is Java's concern. */
  @Benchmark
  public void facadeScope() {
    scope.child().close();
  }

  /** Known to the objects: no native call at all. */
  @Benchmark
  public long facadeGetters() {
    return rotation.blocks() + (model.isTraining() ? 1 : 0);
  }

  private MemorySegment cForward(boolean adapted) {
    MemorySegment value = border.made(OftC.oft_value_from_tensor(cX, border.out, border.error));
    args.set(ADDRESS, 0, value);
    int status =
        adapted
            ? OftC.oft_model_forward(
                cModel,
                args,
                1,
                MemorySegment.NULL,
                MemorySegment.NULL,
                0,
                0,
                -1,
                border.out,
                border.error)
            : OftC.oft_script_call(
                cScript,
                method,
                method.byteSize(),
                args,
                1,
                MemorySegment.NULL,
                0,
                border.out,
                border.error);
    MemorySegment result = border.made(status);
    MemorySegment tensor = border.made(OftC.oft_value_to_tensor(result, border.out, border.error));
    OftC.oft_value_destroy(result);
    OftC.oft_value_destroy(value);
    return tensor;
  }
}
