// In: paths of Java files, one a line. Out: a line of JSON each, by the JDK's compiler tree API.
import com.sun.source.tree.ClassTree;
import com.sun.source.tree.CompilationUnitTree;
import com.sun.source.tree.MethodTree;
import com.sun.source.tree.Tree;
import com.sun.source.util.JavacTask;
import com.sun.source.util.SourcePositions;
import com.sun.source.util.TreeScanner;
import com.sun.source.util.Trees;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Collectors;
import javax.tools.Diagnostic;
import javax.tools.DiagnosticCollector;
import javax.tools.JavaFileObject;
import javax.tools.ToolProvider;

public class Reference {
    static String quoted(String text) {
        return '"' + text.replace("\\", "\\\\").replace("\"", "\\\"") + '"';
    }

    static String read(String path) throws Exception {
        var compiler = ToolProvider.getSystemJavaCompiler();
        var problems = new DiagnosticCollector<JavaFileObject>();
        try (var files = compiler.getStandardFileManager(problems, null, null)) {
            var task = (JavacTask) compiler.getTask(null, files, problems, List.of("-proc:none"), null,
                files.getJavaFileObjects(Path.of(path)));
            List<String> found = new ArrayList<>();
            for (CompilationUnitTree unit : task.parse()) {
                new Scanner(unit, Trees.instance(task).getSourcePositions(), found).scan(unit, null);
            }
            for (var problem : problems.getDiagnostics()) {
                if (problem.getKind() == Diagnostic.Kind.ERROR) {
                    return "{\"path\": " + quoted(path) + ", \"error\": \"syntax\"}";
                }
            }
            return "{\"path\": " + quoted(path) + ", \"found\": [" + String.join(", ", found) + "]}";
        }
    }

    static class Scanner extends TreeScanner<Void, String> {
        private final CompilationUnitTree unit;
        private final SourcePositions positions;
        private final List<String> found;

        Scanner(CompilationUnitTree unit, SourcePositions positions, List<String> found) {
            this.unit = unit;
            this.positions = positions;
            this.found = found;
        }

        void add(String what, String name, Tree tree) {
            long line = unit.getLineMap().getLineNumber(positions.getStartPosition(unit, tree));
            found.add("[" + quoted(what) + ", " + quoted(name) + ", " + line + "]");
        }

        @Override
        public Void visitClass(ClassTree tree, String around) {
            String name = tree.getSimpleName().toString();
            if (!name.isEmpty()) {
                add("class", name, tree);
            }
            return super.visitClass(tree, name);
        }

        @Override
        public Void visitMethod(MethodTree tree, String around) {
            String name = tree.getName().toString();
            add("function", name.equals("<init>") ? around : name, tree);
            return super.visitMethod(tree, around);
        }
    }

    public static void main(String[] arguments) throws Exception {
        var paths = new BufferedReader(new InputStreamReader(System.in)).lines().collect(Collectors.toList());
        for (String path : paths) {
            System.out.println(read(path));
        }
    }
}
