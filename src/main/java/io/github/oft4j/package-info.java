/**
 * Orthogonal fine-tuning (OFT) on the JVM: TorchScript models are adapted, trained, switched and
 * merged while they live, and adapters of Hugging Face PEFT are read, checked, written, and merged
 * into checkpoints at the speed of the disk.
 *
 * <p>An adapter is a map from layer names to {@link io.github.oft4j.Rotation}s. {@link
 * io.github.oft4j.OFTModel} trains one:
 *
 * {@snippet :
 * try (var scope = OFTScope.open()) {
 *   var base = ScriptModule.load(scope, Path.of("encoder.pt"));
 *   var config = OFTConfig.builder().targetModules("query", "value").oftBlockSize(32).build();
 *   var model = OFTModel.create(base, config, "default");
 *   model.train();
 *   try (var optimizer = Optimizer.adamW(model.trainableParameters(), 1e-3)) {
 *     for (Batch batch : batches) {
 *       try (var step = scope.child()) { // everything made here dies here
 *         var loss = model.forward(step.tensor(batch.x())).crossEntropy(step.tensor(batch.y()));
 *         optimizer.zeroGrad();
 *         loss.backward();
 *         optimizer.step();
 *       }
 *     }
 *   }
 *   model.savePretrained(Path.of("adapter")); // PEFT reads it
 *   model.mergeAndUnload(MergeOptions.safe()).save(Path.of("merged.pt"));
 * }
 * }
 *
 * <p>{@link io.github.oft4j.CheckpointMerge} merges without a model in memory:
 *
 * {@snippet :
 * MergeReport report =
 *     CheckpointMerge.of(Path.of("all-MiniLM-L6-v2"))
 *         .adapter(Path.of("my-adapter"))
 *         .safe()
 *         .writeTo(Path.of("merged"));
 * }
 *
 * <h2>Requirements</h2>
 *
 * <p>Java 22 or later, and the native library {@code liboft} with the libtorch it was built with.
 * Native access is granted by {@code --enable-native-access=io.github.oft4j}, or {@code
 * ALL-UNNAMED} where oft4j is on the class path.
 *
 * <h2>Where the native library is looked for</h2>
 *
 * <p>It is loaded when first needed. {@code liboft} comes from the first of these:
 *
 * <ol>
 *   <li>the file that the system property {@code oft4j.library} names, else the environment
 *       variable {@code OFT4J_LIBRARY}; where one is set, nothing else is tried
 *   <li>the jar whose classifier is the platform, for example {@code linux-x86_64}; the library is
 *       extracted once into {@code ${XDG_CACHE_HOME:-~/.cache}/oft4j/native}
 *   <li>the folders of {@code java.library.path}
 * </ol>
 *
 * <p>libtorch comes from the first of these:
 *
 * <ol>
 *   <li>the folder that the system property {@code oft4j.libtorch} names, else the environment
 *       variable {@code LIBTORCH}; where one is set, nothing else is tried
 *   <li>the libtorch that {@code liboft} was built with, as {@code oft-build.properties} beside it
 *       tells
 *   <li>where the dynamic linker finds it
 *   <li>{@code ${XDG_CACHE_HOME:-~/.cache}/oft4j}, which the build fills
 *   <li>the torch package of {@code python3}, where it has the right version
 * </ol>
 *
 * <p>Nothing is downloaded. A failure is an {@link io.github.oft4j.OFTLibraryException} that lists
 * every place tried.
 *
 * <h2>Memory, threads, errors</h2>
 *
 * <p>Native objects belong to an {@link io.github.oft4j.OFTScope}, which frees them. Any number of
 * threads may use one object, but for what its class excepts. Gradients are recorded by operations
 * whose operand requires them, and by models in training mode. Failures are unchecked {@link
 * io.github.oft4j.OFTException}s, with a subclass for each category; no argument may be null unless
 * its description says so.
 */
package io.github.oft4j;
